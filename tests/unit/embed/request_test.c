/* SPDX-License-Identifier: MIT */
#include "embed/request.h"

#include "bytes.h"

Test(embed_request, bodies)
{
    static const struct {
        const char *prefix;
        enum embedder_encoding encoding;
        bool sends_dimensions;
        const char *texts[2]; /* NULL ends them */
        const char *want;
    } rows[] = {
        {"", EMBEDDER_FLOAT, false, {"a", "b"}, "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}"},
        {"",
         EMBEDDER_BASE64,
         false,
         {"a", NULL},
         "{\"model\":\"m\",\"input\":[\"a\"],\"encoding_format\":\"base64\"}"},
        {"q: ",
         EMBEDDER_FLOAT,
         true,
         {"\"\n\xc3\xa9\\", ""},
         "{\"model\":\"m\",\"input\":[\"q: \\\"\\n\xc3\xa9\\\\\",\"q: \"],\"dimensions\":8}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf body = {0};
        struct embed_text texts[2];
        size_t count = 0;
        struct manifest_embedder declared = {
            .model = "m", .dimensions = 8, .sends_dimensions = rows[i].sends_dimensions};
        for (; count < 2 && rows[i].texts[count]; count++)
            texts[count] = (struct embed_text){rows[i].texts[count], strlen(rows[i].texts[count])};
        embed_request_write(&body, &declared, rows[i].prefix, rows[i].encoding, texts, count);
        EXPECT_BYTES(body.data, body.len, rows[i].want, strlen(rows[i].want), "row %zu", i);
        buf_free(&body);
    }
}
