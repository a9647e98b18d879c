/* SPDX-License-Identifier: MIT */
/* uuid, bytea, inet. */
#include "replay/field.h"

#include <arpa/inet.h>

#include "base/uuid.h"

/* 32 digits as 8-4-4-4-12, which uuid_parse() reads. */
static bool parse_plain_uuid(const uint8_t *digits, struct uuid *id)
{
    static const size_t parts[] = {8, 4, 4, 4, 12};
    char text[UUID_TEXT];
    char *to = text;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (i > 0)
            *to++ = '-';
        memcpy(to, digits, parts[i]);
        digits += parts[i];
        to += parts[i];
    }
    *to = '\0';
    return uuid_parse(text, id);
}

static bool parse_uuid(const struct mp_value *v, struct uuid *id)
{
    char text[UUID_TEXT] = "";
    if (v->len == 32)
        return parse_plain_uuid(v->bytes, id);
    if (v->len != UUID_TEXT - 1)
        return false;
    memcpy(text, v->bytes, v->len);
    return uuid_parse(text, id);
}

/* uuid_recv: 16 bytes. */
bool field_put_uuid(const struct field *f)
{
    const struct mp_value *v = f->value;
    struct uuid id;
    char text[FIELD_SHOWN];
    if (v->type == MP_STR) {
        if (!parse_uuid(v, &id))
            return field_refuse(f, REJECT_TYPE, "uuid is wanted, but \"%s\" is none",
                                field_show(v->bytes, v->len, text));
        field_put_bytes(f->out, id.bytes, sizeof id.bytes);
        return true;
    }
    if (v->type != MP_BIN)
        return field_refuse_type(f, "uuid");
    if (v->len != sizeof id.bytes)
        return field_refuse(f, REJECT_TYPE,
                            "uuid is wanted, which has 16 bytes, but it is binary of %u", v->len);
    field_put_bytes(f->out, v->bytes, v->len);
    return true;
}

/* bytearecv: the bytes. Old encoders have one type for text and bytes, which is read as str. */
bool field_put_bytea(const struct field *f)
{
    const struct mp_value *v = f->value;
    if (v->type != MP_BIN && v->type != MP_STR)
        return field_refuse_type(f, "bytea");
    field_put_bytes(f->out, v->bytes, v->len);
    return true;
}

/* What follows the address: nothing, or "/24" up to `most`. */
static bool parse_bits(const char *p, unsigned most, unsigned *bits)
{
    *bits = most;
    if (*p == '\0')
        return true;
    if (*p++ != '/' || *p == '\0' || strlen(p) > 3)
        return false;
    for (*bits = 0; *p >= '0' && *p <= '9'; p++)
        *bits = *bits * 10 + (unsigned)(*p - '0');
    return *p == '\0' && *bits <= most;
}

struct address {
    uint8_t bytes[16];
    unsigned len, bits;
};

static bool parse_inet(const struct mp_value *v, struct address *a)
{
    char text[INET6_ADDRSTRLEN + 4]; /* "/128" */
    char alone[sizeof text];
    if (v->len >= sizeof text || memchr(v->bytes, '\0', v->len))
        return false;
    memcpy(text, v->bytes, v->len);
    text[v->len] = '\0';
    size_t len = strcspn(text, "/");
    memcpy(alone, text, len);
    alone[len] = '\0';
    bool is_6 = strchr(alone, ':') != NULL;
    a->len = is_6 ? 16 : 4;
    return inet_pton(is_6 ? AF_INET6 : AF_INET, alone, a->bytes) == 1 &&
           parse_bits(text + len, a->len * 8, &a->bits);
}

/* inet_recv: family (2 is IPv4, 3 IPv6), bits of the network, 0 (it is no cidr), how many bytes,
 * the address. */
bool field_put_inet(const struct field *f)
{
    const struct mp_value *v = f->value;
    struct address a;
    char text[FIELD_SHOWN];
    if (v->type != MP_STR)
        return field_refuse_type(f, "inet");
    if (!parse_inet(v, &a))
        return field_refuse(f, REJECT_TYPE, "inet is wanted, but \"%s\" is no address",
                            field_show(v->bytes, v->len, text));
    buf_be32(f->out, 4 + a.len);
    buf_byte(f->out, a.len == 4 ? 2 : 3);
    buf_byte(f->out, (uint8_t)a.bits);
    buf_byte(f->out, 0);
    buf_byte(f->out, (uint8_t)a.len);
    buf_put(f->out, a.bytes, a.len);
    return true;
}
