/* SPDX-License-Identifier: MIT */
#include "frame/pack.h"

#include <msgpack.h>
#include <string.h>

static int append(void *data, const char *bytes, size_t len)
{
    buf_put(data, bytes, len);
    return 0;
}

static void pack_str(msgpack_packer *pk, const char *text, size_t len)
{
    (void)msgpack_pack_str(pk, len);
    (void)msgpack_pack_str_body(pk, text, len);
}

/* Recursion is bounded by jansson's own limit on nesting (2048). */
static void pack_value(msgpack_packer *pk, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_NULL:
        (void)msgpack_pack_nil(pk);
        break;
    case JSON_TRUE:
        (void)msgpack_pack_true(pk);
        break;
    case JSON_FALSE:
        (void)msgpack_pack_false(pk);
        break;
    case JSON_INTEGER:
        (void)msgpack_pack_int64(pk, json_integer_value(v));
        break;
    case JSON_REAL:
        (void)msgpack_pack_double(pk, json_real_value(v));
        break;
    case JSON_STRING:
        pack_str(pk, json_string_value(v), json_string_length(v));
        break;
    case JSON_ARRAY:
        (void)msgpack_pack_array(pk, json_array_size(v));
        for (size_t i = 0; i < json_array_size(v); i++)
            pack_value(pk, json_array_get(v, i));
        break;
    case JSON_OBJECT: {
        const char *key;
        json_t *member;
        (void)msgpack_pack_map(pk, json_object_size(v));
        json_object_foreach((json_t *)v, key, member)
        {
            pack_str(pk, key, strlen(key));
            pack_value(pk, member);
        }
        break;
    }
    }
}

void pack_json(struct buf *out, const json_t *value)
{
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, append);
    pack_value(&pk, value);
}

void pack_seal(struct buf *out, uint64_t frames, const char *id)
{
    msgpack_packer pk;
    msgpack_packer_init(&pk, out, append);
    (void)msgpack_pack_map(&pk, id ? 3 : 2);
    pack_str(&pk, "kind", 4);
    pack_str(&pk, "seal", 4);
    pack_str(&pk, "frames", 6);
    (void)msgpack_pack_uint64(&pk, frames);
    if (id) {
        pack_str(&pk, "id", 2);
        pack_str(&pk, id, strlen(id));
    }
}
