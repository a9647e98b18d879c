/* SPDX-License-Identifier: MIT */
/*
 * The small parsers of outside text: times, sizes, durations, names, identifiers, UTF-8, JSON
 * quoting, SQL quoting; and doubles. What each reads must come back from what each writes.
 */
#include "base/decimal.c"
#include "base/jsonw.c"
#include "base/sql.c"
#include "base/str.c"
#include "base/time.c"
#include "base/utf8.c"
#include "base/uuid.c"
#include "spool/name.c"

#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"

static void check_time(const char *text, size_t len)
{
    int64_t us;
    int64_t again;
    char back[TIME_TEXT];
    if (!time_parse(text, len, &us))
        return;
    (void)time_format(us, back);
    /* an offset may lead out of the years that have four digits */
    if (us >= INT64_C(-62167219200000000) && us <= INT64_C(253402300799999999)) {
        bool good = time_parse(back, strlen(back), &again);
        assert(good && again == us);
    }
}

static void check_units(const char *text)
{
    uint64_t bytes;
    int64_t us;
    char human[STR_HUMAN];
    if (str_parse_size(text, &bytes)) {
        assert(bytes <= INT64_MAX);
        (void)str_size(bytes, human);
        (void)str_count(bytes, human);
    }
    if (str_parse_duration(text, &us)) {
        assert(us >= 0);
        (void)str_duration(us, human);
    }
    (void)str_distance(text, "limits.frame");
}

static void check_names(const char *text)
{
    struct buf encoded = {0};
    struct buf back = {0};
    struct uuid id;
    char uuid[UUID_TEXT];
    str_percent_encode(&encoded, text);
    bool good = str_percent_decode(buf_cstr(&encoded), &back);
    assert(good && strcmp(buf_cstr(&back), text) == 0);
    buf_clear(&back);
    (void)str_percent_decode(text, &back);
    if (uuid_parse(text, &id))
        assert(strcasecmp(uuid_format(&id, uuid), text) == 0);
    if (strlen(text) < NAME_BYTES) {
        char name[NAME_BYTES];
        name_numbered(text, (unsigned)strlen(text) * 7919, name);
        /* hidden by its first byte or not, a segment stays one */
        assert(*text == '\0' || name_kind(text) != NAME_SEGMENT || name_kind(name) == NAME_SEGMENT);
        assert(name_is_zstd(name) == name_is_zstd(text));
        name_of_reason(text, name);
        assert(strlen(name) < NAME_BYTES);
        char original[NAME_BYTES];
        char back_as[NAME_BYTES];
        char again[NAME_BYTES];
        name_of_return(text, "01a1fc09-7974-771f-a030-6c8417c14a1d", 1, back_as);
        (void)name_original(text, original);
        assert(name_is_zstd(back_as) == name_is_zstd(text));
        assert(name_kind(text) != NAME_SEGMENT || strlen(original) > 200 ||
               strcmp(name_original(back_as, again), original) == 0);
    }
    if (name_is_retry(text))
        assert(name_kind(text) == NAME_SEGMENT);
    if (name_is_gate(text))
        assert(!strchr(text, '/') && !strchr(text, '.') && strlen(text) < 64);
    buf_free(&encoded);
    buf_free(&back);
}

static void check_quoting(const uint8_t *bytes, size_t len, const char *text)
{
    struct buf out = {0};
    size_t good = utf8_check(bytes, len);
    assert(good <= len && (good == len || utf8_length(bytes + good, len - good) == 0));
    jsonw_quote(&out, bytes, len);
    assert(utf8_check(out.data, out.len) == out.len);
    json_t *value = json_loadb((char *)out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert(value);
    if (good == len)
        assert(json_string_length(value) == len &&
               memcmp(json_string_value(value), bytes, len) == 0);
    json_decref(value);
    buf_clear(&out);

    /* between its quotes, every quote is doubled */
    sql_identifier(&out, text);
    size_t quotes = 0;
    for (size_t i = 1; i + 1 < out.len; i++)
        quotes += out.data[i] == '"';
    assert(out.data[0] == '"' && out.data[out.len - 1] == '"' && quotes % 2 == 0);
    buf_clear(&out);
    sql_literal(&out, text);
    assert(out.len >= strlen(text) + 2 && out.data[out.len - 1] == '\'');
    buf_free(&out);
}

static void check_double(const uint8_t *bytes, size_t len)
{
    double v;
    char text[DECIMAL_BYTES + 1];
    if (len < sizeof v)
        return;
    memcpy(&v, bytes, sizeof v);
    if (!isfinite(v))
        return;
    uint8_t *end = decimal_double((uint8_t *)text, v);
    assert(end <= (uint8_t *)text + DECIMAL_BYTES);
    *end = '\0';
    assert(strtod(text, NULL) == v);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = mem_strndup((const char *)bytes, len); /* ends at the first NUL */
    check_time((const char *)bytes, len);
    check_units(text);
    check_names(text);
    check_quoting(bytes, len, text);
    check_double(bytes, len);
    free(text);
    return 0;
}
