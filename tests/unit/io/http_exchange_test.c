/* SPDX-License-Identifier: MIT */
#include "io/http_exchange.h"

#include "bytes.h"

static const struct header headers[] = {{.name = "x-open", .value = "1"},
                                        {.name = "X-Token", .value = "s3cret", .is_secret = true},
                                        {0}};

/* Whatever the pieces in which curl hands it on. */
Test(io_http_exchange, sent)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"POST /hook/s3cret?t=s3cret HTTP/1.1\r\nHost: h\r\nx-open: 1\r\n\r\n",
         "> POST /... HTTP/1.1\n> Host: h\n> x-open: 1\n"},
        {"POST / HTTP/2\r\nHost: h:1\r\n\r\n", "> POST /... HTTP/2\n> Host: h:1\n"},
        {"POST / HTTP/1.1\r\nX-Token: s3cret\r\nx-token:s3cret\r\n\r\n",
         "> POST /... HTTP/1.1\n> X-Token: (secret)\n> x-token: (secret)\n"},
        {"POST / HTTP/1.1\r\nAuthorization: Basic s3cret\r\n\r\n",
         "> POST /... HTTP/1.1\n> Authorization: (secret)\n"},
        /* the same again: a connection that had gone away */
        {"POST /s3cret HTTP/1.1\r\n\r\nPOST /s3cret HTTP/1.1\r\n\r\n",
         "> POST /... HTTP/1.1\n> POST /... HTTP/1.1\n"},
        {"POST /s3cret HTTP/1.1\r\nX-Token: s3c", "> POST /... HTTP/1.1\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t piece = 1; piece <= strlen(rows[i].in); piece++) {
            struct buf out = {0};
            struct http_exchange x = {.out = &out, .headers = headers};
            for (size_t at = 0, len = strlen(rows[i].in); at < len; at += piece)
                http_exchange_sent(&x, rows[i].in + at, len - at < piece ? len - at : piece);
            cr_expect_str_eq(buf_cstr(&out), rows[i].want, "row %zu by %zu\nwant: %s\n got: %s", i,
                             piece, rows[i].want, (char *)out.data);
            http_exchange_free(&x);
            buf_free(&out);
        }
}

Test(io_http_exchange, received)
{
    static const struct {
        const char *in, *want;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n", "< HTTP/1.1 200 OK\n"},
        {"HTTP/2 204 \r\n", "< HTTP/2 204 \n"},
        {"\r\n", ""},
        {"", ""},
        {"X: a\tb\x1b[31m\x7f\r\n", "< X: a?b?[31m?\n"},
        {"X: caf\xc3\xa9 \xff \xc2\x9b"
         "31m\r\n",
         "< X: caf\xc3\xa9 ? ?31m\n"},
        {"Location: https://other.example/s3cret?s3cret\r\n",
         "< Location: https://other.example/...\n"},
        {"location:https://other.example:8443\r\n", "< location: https://other.example:8443/...\n"},
        {"LOCATION: /s3cret\r\n", "< LOCATION: /...\n"},
        {"Location: https://u:s3cret@other.example/\r\n", "< Location: /...\n"},
        {"Location: https://?s3cret\r\n", "< Location: /...\n"},
        {"Location:\r\n", "< Location: /...\n"},
        {"Location\r\n", "< Location\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = {0};
        struct http_exchange x = {.out = &out, .headers = headers};
        http_exchange_received(&x, rows[i].in, strlen(rows[i].in));
        cr_expect_str_eq(buf_cstr(&out), rows[i].want, "row %zu\nwant: %s\n got: %s", i,
                         rows[i].want, (char *)out.data);
        http_exchange_free(&x);
        buf_free(&out);
    }
}

Test(io_http_exchange, notes)
{
    struct buf out = {0};
    struct http_exchange x = {.out = &out};
    http_exchange_note(&x, "TLSv1.3 / X\n", 12);
    http_exchange_note(&x, "a\033b", 3);
    cr_expect_str_eq(buf_cstr(&out), "* TLSv1.3 / X\n* a?b\n");
    http_exchange_free(&x);
    buf_free(&out);
}

Test(io_http_exchange, nobody_looks)
{
    struct http_exchange x = {0};
    http_exchange_sent(&x, "POST / HTTP/1.1\n", 16);
    http_exchange_received(&x, "HTTP/1.1 200\n", 13);
    http_exchange_note(&x, "x", 1);
    cr_expect_null(x.line.data);
    http_exchange_free(&x);
}
