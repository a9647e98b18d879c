/* SPDX-License-Identifier: MIT */
#include "embed/request.h"

#include "base/jsonw.h"

static void put_texts(struct jsonw *j, const char *prefix, const struct embed_text *texts,
                      size_t count)
{
    struct buf whole = {0};
    jsonw_key(j, "input");
    jsonw_array(j);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&whole);
        buf_str(&whole, prefix);
        buf_put(&whole, texts[i].bytes, texts[i].len);
        jsonw_strn(j, whole.data, whole.len);
    }
    jsonw_end(j);
    buf_free(&whole);
}

void embed_request_write(struct buf *out, const struct manifest_embedder *declared,
                         const char *prefix, enum embedder_encoding encoding,
                         const struct embed_text *texts, size_t count)
{
    struct jsonw j = {.out = out};
    jsonw_object(&j);
    jsonw_key(&j, "model");
    jsonw_str(&j, declared->model);
    put_texts(&j, prefix, texts, count);
    if (encoding == EMBEDDER_BASE64) {
        jsonw_key(&j, "encoding_format");
        jsonw_str(&j, "base64");
    }
    if (declared->sends_dimensions) {
        jsonw_key(&j, "dimensions");
        jsonw_int(&j, (int64_t)declared->dimensions);
    }
    jsonw_end(&j);
}
