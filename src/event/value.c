/* SPDX-License-Identifier: MIT */
#include "event/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"

/* The fewest digits that read back as the same number. The process runs in the C locale. */
static void write_real(struct buf *out, double v)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, v);
        if (strtod(digits, NULL) == v)
            break;
    }
    buf_str(out, digits);
    if (!strpbrk(digits, ".e"))
        buf_str(out, ".0");
}

/* As JSON. Recursion ends where jansson's own does: it refuses to read more than 2,048 levels. */
void value_write_json(struct buf *out, const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        buf_byte(out, '{');
        for (void *i = json_object_iter((json_t *)v), *first = i; i;
             i = json_object_iter_next((json_t *)v, i)) {
            if (i != first)
                buf_byte(out, ',');
            jsonw_quote(out, json_object_iter_key(i), json_object_iter_key_len(i));
            buf_byte(out, ':');
            value_write_json(out, json_object_iter_value(i));
        }
        buf_byte(out, '}');
        break;
    case JSON_ARRAY:
        buf_byte(out, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            if (i > 0)
                buf_byte(out, ',');
            value_write_json(out, json_array_get(v, i));
        }
        buf_byte(out, ']');
        break;
    case JSON_STRING:
        jsonw_quote(out, json_string_value(v), json_string_length(v));
        break;
    case JSON_INTEGER:
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        write_real(out, json_real_value(v));
        break;
    case JSON_TRUE:
        buf_str(out, "true");
        break;
    case JSON_FALSE:
        buf_str(out, "false");
        break;
    case JSON_NULL:
        buf_str(out, "null");
        break;
    }
}

/* As text: a string is its characters, null is nothing, the others are as in JSON. */
void value_write_plain(struct buf *out, const json_t *v)
{
    if (json_is_string(v))
        buf_put(out, json_string_value(v), json_string_length(v));
    else if (v && !json_is_null(v))
        value_write_json(out, v);
}

void value_escape_html(struct buf *out, const struct buf *plain)
{
    static const char *const entities[256] = {
        ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
    for (size_t i = 0; i < plain->len; i++) {
        if (entities[plain->data[i]])
            buf_str(out, entities[plain->data[i]]);
        else
            buf_byte(out, plain->data[i]);
    }
}

bool value_is_false(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    case JSON_INTEGER:
        return json_integer_value(v) == 0;
    case JSON_REAL:
        return json_real_value(v) == 0;
    case JSON_STRING:
        return json_string_length(v) == 0;
    case JSON_ARRAY:
        return json_array_size(v) == 0;
    default:
        return false;
    }
}
