/* SPDX-License-Identifier: MIT */
#include "embed/reply.h"

#include "bytes.h"

/* Two vectors of two numbers are wanted. */
static const struct answer {
    const char *text;
    enum embed_outcome want;
    const char *error; /* a part of it; of EMBED_DONE the vectors */
} answers[] = {
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[3,4]}]}", EMBED_DONE,
     "1 2 3 4"},
    {" { \"object\" : \"list\", \"data\" : [ {\"embedding\": [ 3e0 , -4.5 ], \"index\": 1.0, "
     "\"object\": \"embedding\"} , {\"index\":0,\"embedding\":[0,1E-1]}], \"usage\": {\"x\": "
     "[{}]}} "
     "\n",
     EMBED_DONE, "0 0.1 3 -4.5"},
    {"{\"data\":[{\"index\":0,\"embedding\":\"AACAPwAAAEA=\"},{\"index\":1,\"embedding\":"
     "\"AABAQAAAgEA\"}]}",
     EMBED_DONE, "1 2 3 4"},
    {"{\"data\":[{\"index\":0,\"embedding\":\"\\/\\/9/PwAAAEA=\"},{\"index\":1,\"embedding\":"
     "[3,4]}]}",
     EMBED_DONE, "1 2 3 4"},
    {"", EMBED_NONSENSE, "an object is wanted"},
    {"null", EMBED_NONSENSE, "an object is wanted"},
    {"<html>", EMBED_NONSENSE, "an object is wanted"},
    {"{}", EMBED_NONSENSE, "no `data`"},
    {"{\"data\":{}}", EMBED_NONSENSE, "an array is wanted"},
    {"{\"data\":[]}", EMBED_NONSENSE, "missing"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2]}]}", EMBED_NONSENSE, "missing"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":0,\"embedding\":[3,4]}]}",
     EMBED_NONSENSE, "twice"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":2,\"embedding\":[3,4]}]}",
     EMBED_NONSENSE, "nobody asked for"},
    {"{\"data\":[{\"index\":-1,\"embedding\":[1,2]}]}", EMBED_NONSENSE, "nobody asked for"},
    {"{\"data\":[{\"index\":0.5,\"embedding\":[1,2]}]}", EMBED_NONSENSE, "nobody asked for"},
    {"{\"data\":[{\"index\":1e300,\"embedding\":[1,2]}]}", EMBED_NONSENSE, "nobody asked for"},
    {"{\"data\":[{\"index\":\"0\",\"embedding\":[1,2]}]}", EMBED_NONSENSE, "a number is wanted"},
    {"{\"data\":[{\"embedding\":[1,2]}]}", EMBED_NONSENSE, "nobody asked for"},
    {"{\"data\":[{\"index\":0}]}", EMBED_NONSENSE, "without `embedding`"},
    {"{\"data\":[{\"index\":0,\"embedding\":null}]}", EMBED_NONSENSE, "an array is wanted"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2,3]}]}", EMBED_STOPPED,
     "vectors have 3 numbers, but the embedder's `dimensions` says 2: mend its manifest, and run "
     "`spoolgate migrate --embedding auto:3 --discard-vectors`"},
    {"{\"data\":[{\"index\":0,\"embedding\":[]}]}", EMBED_NONSENSE, "the answer's vector is empty"},
    {"{\"data\":[{\"index\":0,\"embedding\":\"AACAPw==\"}]}", EMBED_STOPPED, "have 1 numbers"},
    {"{\"data\":[{\"index\":0,\"embedding\":\"AACAPwAAAEAA\"}]}", EMBED_STOPPED, "have 3 numbers"},
    {"{\"data\":[{\"index\":0,\"embedding\":\"AACAPwAA*EA=\"}]}", EMBED_NONSENSE, "base64"},
    {"{\"data\":[{\"index\":0,\"embedding\":\"AACAfwAAAEA=\"}]}", EMBED_NONSENSE, "finite"},
    {"{\"data\":[{\"index\":0,\"embedding\":[NaN,2]}]}", EMBED_NONSENSE, "isn't JSON"},
    {"{\"data\":[{\"index\":0,\"embedding\":[null,2]}]}", EMBED_NONSENSE, "a number is wanted"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1e39,2]}]}", EMBED_NONSENSE, "finite"},
    {"{\"data\":[{\"index\":0,\"embedding\":[0,-0.0]}]}", EMBED_NONSENSE, "all zeros"},
    {"{\"data\":[{\"index\":0,\"embedding\":[01,2]}]}", EMBED_NONSENSE, ""},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2,]}]}", EMBED_NONSENSE, "isn't JSON"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1 2]}]}", EMBED_NONSENSE, "isn't JSON"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},", EMBED_NONSENSE, "an object is wanted"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2", EMBED_NONSENSE, "ends too early"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[3,4]}]} x",
     EMBED_NONSENSE, "behind it"},
    {"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[3,4]}],\"data\":[]}",
     EMBED_NONSENSE, "`data` is there twice"},
    {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", EMBED_NONSENSE, "nested"},
    {"{\"\\", EMBED_NONSENSE, "ends too early"},
};

static void show(const float *vectors, char text[200])
{
    (void)snprintf(text, 200, "%g %g %g %g", vectors[0], vectors[1], vectors[2], vectors[3]);
}

Test(embed_reply, answers)
{
    for (size_t i = 0; i < COUNT(answers); i++) {
        const struct answer *row = &answers[i];
        float vectors[4] = {0};
        char text[200];
        struct embed_said said;
        enum embedder_encoding encoding;
        enum embed_outcome got =
            embed_reply_read(row->text, strlen(row->text), 2, 2, vectors, &encoding, &said);
        show(vectors, text);
        cr_expect_eq(got, row->want, "row %zu: %s\nwant %d, got %d: %s", i, row->text, row->want,
                     got, said.error);
        if (row->want == EMBED_DONE)
            cr_expect_str_eq(text, row->error, "row %zu: want %s, got %s", i, row->error, text);
        else
            cr_expect(strstr(said.error, row->error), "row %zu: %s\nwant: %s\n got: %s", i,
                      row->text, row->error, said.error);
    }
}

/* Cut anywhere, a good answer is none. */
Test(embed_reply, cut_anywhere)
{
    const char *whole = answers[1].text;
    size_t len = strrchr(whole, '}') - whole + 1;
    for (size_t cut = 0; cut < len; cut++) {
        float vectors[4];
        struct embed_said said;
        enum embedder_encoding encoding;
        char *text = strndup(whole, cut); /* so that ASan sees a byte too many */
        enum embed_outcome got = embed_reply_read(text, cut, 2, 2, vectors, &encoding, &said);
        cr_expect_eq(got, EMBED_NONSENSE, "cut at %zu: want nonsense, got %d", cut, got);
        free(text);
    }
}

Test(embed_reply, encoding_is_noted)
{
    float vectors[4];
    struct embed_said said;
    enum embedder_encoding encoding;
    (void)embed_reply_read(answers[0].text, strlen(answers[0].text), 2, 2, vectors, &encoding,
                           &said);
    cr_expect_eq(encoding, EMBEDDER_FLOAT);
    (void)embed_reply_read(answers[2].text, strlen(answers[2].text), 2, 2, vectors, &encoding,
                           &said);
    cr_expect_eq(encoding, EMBEDDER_BASE64);
}

Test(embed_reply, refusals)
{
    static const struct {
        int status;
        const char *body;
        enum embed_outcome want;
        const char *error;
    } rows[] = {
        {429,
         "{\"error\":{\"message\":\"Rate limit reached\",\"type\":\"requests\",\"code\":"
         "\"rate_limit_exceeded\"}}",
         EMBED_LATER, "answered 429: Rate limit reached"},
        {429,
         "{\"error\":{\"message\":\"You exceeded your current quota\",\"type\":"
         "\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
         EMBED_STOPPED, "answered 429: You exceeded your current quota"},
        {401, "{\"error\":{\"message\":\"Incorrect API key \\u00e9\\n\\\"x\\\"\"}}", EMBED_STOPPED,
         "answered 401: Incorrect API key \303\251 \"x\""},
        {413,
         "{\"error\":\"batch size 65 > maximum allowed batch size 32\",\"error_type\":"
         "\"Validation\"}",
         EMBED_TOO_MUCH, "answered 413: batch size 65 > maximum allowed batch size 32"},
        {404, "{\"error\":\"model \\\"x\\\" not found, try pulling it first\"}", EMBED_STOPPED,
         "answered 404: model \"x\" not found, try pulling it first"},
        {422, "{\"detail\":[{\"loc\":[\"body\"]}]}", EMBED_TOO_MUCH,
         "answered 422: {\"detail\":[{\"loc\":[\"body\"]}]}"},
        {400, "{\"detail\":\"too long\"}", EMBED_TOO_MUCH, "answered 400: too long"},
        {503, "<html>\r\n<b>\x1b[31m\xff</b>", EMBED_TROUBLE,
         "answered 503: <html>  <b> [31m?</b>"},
        {500, "", EMBED_TROUBLE, "answered 500"},
        {502, "{\"error\":{\"message\":\"cut of", EMBED_TROUBLE, "answered 502: cut of"},
        {503, "{\"error\":{\"message\":\"cut\",\"type\":\"x", EMBED_TROUBLE, "answered 503: cut"},
        {408, "{}", EMBED_LATER, "answered 408: {}"},
        {302, "", EMBED_STOPPED, "answered 302"},
        {403, "<html>Request blocked", EMBED_FORBIDDEN, "answered 403: <html>Request blocked"},
        {418, "{\"error\":[]}", EMBED_STOPPED, "answered 418: {\"error\":[]}"},
        {400, "{\"error\":{\"message\":\"\\ud83d\\ude00 \\u0000\\", EMBED_TOO_MUCH, "answered 400"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct embed_said said = {0};
        enum embed_outcome got =
            embed_reply_refusal(rows[i].status, rows[i].body, strlen(rows[i].body), &said);
        cr_expect_eq(got, rows[i].want, "row %zu: want %d, got %d", i, rows[i].want, got);
        bool is_whole = i + 1 < COUNT(rows);
        cr_expect(is_whole ? strcmp(said.error, rows[i].error) == 0
                           : strstr(said.error, rows[i].error) != NULL,
                  "row %zu\nwant: %s\n got: %s", i, rows[i].error, said.error);
    }
}
