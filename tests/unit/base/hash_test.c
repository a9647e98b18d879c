/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include "bytes.h"

/* FIPS 180-2, appendix B, and the empty text. */
static const struct {
    const char *text;
    size_t len;
    const char *want;
} vectors[] = {
    {BYTES(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {BYTES("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {BYTES("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

Test(base_hash, vectors)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        char got[HASH_HEX];
        hash_bytes_hex(vectors[i].text, vectors[i].len, got);
        cr_expect_str_eq(got, vectors[i].want, "%s\nwant: %s\n got: %s", vectors[i].text,
                         vectors[i].want, got);
    }
}

Test(base_hash, pieces_of_any_size)
{
    static const char want[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    static char letters[1000000]; /* a million times `a` */
    static const size_t steps[] = {1, 63, 64, 65, 4096, sizeof letters};
    memset(letters, 'a', sizeof letters);
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct hash h;
        uint8_t digest[HASH_BYTES];
        char got[HASH_HEX];
        hash_start(&h);
        for (size_t at = 0; at < sizeof letters; at += steps[i]) {
            size_t rest = sizeof letters - at;
            hash_update(&h, letters + at, rest < steps[i] ? rest : steps[i]);
        }
        hash_finish(&h, digest);
        cr_expect_str_eq(hash_hex(digest, got), want, "steps of %zu\nwant: %s\n got: %s", steps[i],
                         want, got);
    }
}

/* Nothing to compare: the leak checker is the judge. */
Test(base_hash, abort_frees)
{
    struct hash h;
    hash_start(&h);
    hash_update(&h, "x", 1);
    hash_abort(&h);
    cr_expect_null(h.context, "aborted, but the context is still there");
}
