/* SPDX-License-Identifier: MIT */
#include "bytes.h"
#include "yaml/yaml.h"

static const char *type_name(enum yaml_type type)
{
    static const char *const names[] = {"null", "bool", "int", "float", "text", "list", "map"};
    return names[type];
}

/* The core schema's own words and, beside each, what only looks like one. */
Test(yaml_scalar, types)
{
    static const struct {
        enum yaml_type want;
        const char *texts[24];
    } rows[] = {
        {YAML_NULL, {"", "~", "null", "Null", "NULL"}},
        {YAML_BOOL, {"true", "True", "TRUE", "false", "False", "FALSE"}},
        {YAML_INT, {"0", "7", "-7", "+7", "007", "0o17", "0xAf", "99999999999999999999999"}},
        {YAML_FLOAT,
         {"1.5", "-1.5", "+.5", "1.", "1e3", "1E-3", "1.5e+10", ".inf", "-.inf", "+.Inf", ".INF",
          ".nan", ".NaN", ".NAN"}},
        {YAML_TEXT, {"nULL", "none", "yes",   "on",  "off",   "tRUE", "y",    "-",
                     "+",    ".",    "0o",    "0o8", "0x",    "0xg",  "-0x1", "1_000",
                     "1e",   "1e+",  "-.nan", "inf", "1.2.3", "2s",   "1 ",   "e3"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t k = 0; k < COUNT(rows[i].texts) && rows[i].texts[k]; k++) {
            enum yaml_type got = yaml_scalar_type(rows[i].texts[k]);
            cr_expect_eq(got, rows[i].want, "`%s`: want %s, got %s", rows[i].texts[k],
                         type_name(rows[i].want), type_name(got));
        }
}

Test(yaml_scalar, bools)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {{"true", true}, {"TRUE", true}, {"false", false}, {"False", false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct yaml_node node = {.type = YAML_BOOL, .text = rows[i].text};
        cr_expect_eq(yaml_bool(&node), rows[i].want, "%s", rows[i].text);
    }
}
