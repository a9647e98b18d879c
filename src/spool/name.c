/* SPDX-License-Identifier: MIT */
#include "spool/name.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

static const char raw_suffix[] = ".msgpack";
static const char zstd_suffix[] = ".msgpack.zst";

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n >= m && memcmp(name + n - m, suffix, m) == 0;
}

enum name_kind name_kind(const char *name)
{
    if (name[0] == '.' || ends_with(name, ".tmp") || ends_with(name, ".part"))
        return NAME_HIDDEN;
    return ends_with(name, raw_suffix) || ends_with(name, zstd_suffix) ? NAME_SEGMENT
                                                                       : NAME_FOREIGN;
}

bool name_is_zstd(const char *name)
{
    return ends_with(name, zstd_suffix);
}

bool name_is_gate(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n > 0 && n <= 63 && name[n] == '\0' && name[0] >= 'a' && name[0] <= 'z';
}

static const char *suffix_of(const char *name)
{
    return ends_with(name, zstd_suffix)  ? zstd_suffix
           : ends_with(name, raw_suffix) ? raw_suffix
                                         : "";
}

void name_numbered(const char *name, unsigned number, char out[NAME_BYTES])
{
    const char *suffix = suffix_of(name);
    char tail[32];
    int tail_len = snprintf(tail, sizeof tail, ".%u%s", number, suffix);
    size_t stem = strlen(name) - strlen(suffix);
    if (stem > NAME_BYTES - 1 - (size_t)tail_len)
        stem = NAME_BYTES - 1 - (size_t)tail_len;
    memcpy(out, name, stem);
    memcpy(out + stem, tail, (size_t)tail_len + 1);
}

#define AGAIN ".again-"

const char *name_original(const char *name, char out[NAME_BYTES])
{
    enum { MARK = sizeof AGAIN - 1, WHOLE = MARK + UUID_TEXT - 1 };
    char batch[UUID_TEXT];
    struct uuid id;
    const char *at = NULL;
    (void)snprintf(out, NAME_BYTES, "%s", name);
    for (const char *p = strstr(name, AGAIN); p; p = strstr(p + 1, AGAIN))
        at = p;
    if (!at || at == name || strlen(at) < WHOLE)
        return out;
    const char *rest = at + WHOLE;
    size_t digits = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    if (digits > 0)
        rest += 1 + digits;
    (void)snprintf(batch, sizeof batch, "%.*s", UUID_TEXT - 1, at + MARK);
    if (uuid_parse(batch, &id) && strcmp(rest, suffix_of(name)) == 0)
        (void)snprintf(out, NAME_BYTES, "%.*s%s", (int)(at - name), name, rest);
    return out;
}

void name_of_return(const char *name, const char *batch, unsigned number, char out[NAME_BYTES])
{
    char original[NAME_BYTES];
    char count[16] = "";
    const char *suffix = suffix_of(name_original(name, original));
    if (number > 0)
        (void)snprintf(count, sizeof count, ".%u", number);
    int len = snprintf(out, NAME_BYTES, "%.*s" AGAIN "%s%s%s",
                       (int)(strlen(original) - strlen(suffix)), original, batch, count, suffix);
    if (len >= NAME_BYTES)
        name_numbered(name, number + 1, out);
}

void name_of_retry(const char *batch, char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, "retry-%s-rejects.msgpack", batch);
}

bool name_is_retry(const char *name)
{
    char batch[UUID_TEXT] = "";
    char whole[NAME_BYTES];
    struct uuid id;
    if (sscanf(name, "retry-%36s", batch) != 1 || !uuid_parse(batch, &id))
        return false;
    name_of_retry(batch, whole);
    return strcmp(name, whole) == 0;
}

bool name_is_batch(const char *name, struct uuid *id)
{
    char ours[UUID_TEXT];
    return uuid_parse(name, id) && strcmp(uuid_format(id, ours), name) == 0 &&
           id->bytes[6] >> 4 == 7;
}

bool name_is_retired(const char *name, struct uuid *id)
{
    char batch[UUID_TEXT];
    (void)snprintf(batch, sizeof batch, "%s", name);
    if (!name_is_batch(batch, id))
        return false;
    const char *rest = name + UUID_TEXT - 1;
    size_t digits = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    return *rest == '\0' || (digits > 0 && digits <= 4 && rest[1 + digits] == '\0');
}

void name_of_reason(const char *name, char out[NAME_BYTES])
{
    static const char suffix[] = ".reason.json";
    char hex[HASH_HEX];
    const char *stem = name;
    if (strlen(name) + sizeof suffix > NAME_BYTES) {
        hash_bytes_hex(name, strlen(name), hex);
        stem = hex;
    }
    (void)snprintf(out, NAME_BYTES, "%.*s%s", (int)(NAME_BYTES - sizeof suffix), stem, suffix);
}
