/* SPDX-License-Identifier: MIT */
/* What plain scalars are: YAML 1.2.2, 10.3, the core schema. */
#include <string.h>

#include "yaml/yaml.h"

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* 0o17 and 0x1F have no sign. */
static bool is_int(const char *text)
{
    if (text[0] == '0' && text[1] == 'o' && text[2])
        return strspn(text + 2, "01234567") == strlen(text + 2);
    if (text[0] == '0' && text[1] == 'x' && text[2])
        return strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text + 2);
    text += *text == '-' || *text == '+';
    return *text && digits(text) == strlen(text);
}

/* [-+]? ( .[0-9]+ | [0-9]+ ( .[0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_decimal(const char *text)
{
    size_t whole = digits(text);
    text += whole;
    if (*text == '.') {
        size_t fraction = digits(text + 1);
        if (whole + fraction == 0)
            return false;
        text += 1 + fraction;
    } else if (whole == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text += 1;
        text += *text == '-' || *text == '+';
        if (digits(text) == 0)
            return false;
        text += digits(text);
    }
    return *text == '\0';
}

static bool is_float(const char *text)
{
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
    if (is_one_of(text, nans))
        return true;
    text += *text == '-' || *text == '+';
    return is_one_of(text, infinities) || is_decimal(text);
}

enum yaml_type yaml_scalar_type(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    if (is_one_of(text, nulls))
        return YAML_NULL;
    if (is_one_of(text, bools))
        return YAML_BOOL;
    if (is_int(text))
        return YAML_INT;
    return is_float(text) ? YAML_FLOAT : YAML_TEXT;
}

bool yaml_bool(const struct yaml_node *node)
{
    return *node->text == 't' || *node->text == 'T';
}

const char *yaml_type_name(const struct yaml_node *node)
{
    static const char *const names[] = {
        [YAML_NULL] = "null",      [YAML_BOOL] = "a boolean", [YAML_INT] = "a number",
        [YAML_FLOAT] = "a number", [YAML_TEXT] = "text",      [YAML_LIST] = "a list",
        [YAML_MAP] = "a map"};
    return names[node->type];
}
