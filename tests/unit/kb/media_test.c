/* SPDX-License-Identifier: MIT */
#include "kb/media.h"

#include "bytes.h"

Test(kb_media, guesses)
{
    static const struct {
        const char *mime, *uri, *type;
        int format; /* -1: no text */
    } rows[] = {
        {"", "/srv/a.md", "document", TEXT_MARKDOWN},
        {"", "file:///srv/A.MARKDOWN", "document", TEXT_MARKDOWN},
        {"", "https://example.org/a.html?b=c.pdf#d.png", "html", TEXT_HTML},
        {"", "https://example.org/a.txt", "document", TEXT_PLAIN},
        {"", "git:/srv/x.git/src/main.c", "code", TEXT_PLAIN},
        {"", "/srv/Makefile", "code", TEXT_PLAIN},
        {"", "/srv/README", "other", TEXT_PLAIN},
        {"", "/srv/v1.2/NOTES", "other", TEXT_PLAIN},
        {"", "s3://bucket/film.mp4", "video", -1},
        {"", "a.jpeg", "image", -1},
        {"", "a.svg", "image", TEXT_PLAIN},
        {"", "a.tar.gz", "other", -1},
        {"", "a.docx", "document", -1},
        {"", "a.pdf", "pdf", -1},
        {"", "a.flac", "audio", -1},
        {"", "a.", "other", TEXT_PLAIN},
        {"", "", "other", TEXT_PLAIN},
        {"text/markdown", "a.pdf", "document", TEXT_MARKDOWN}, /* what is said counts */
        {"Text/HTML; charset=utf-8", "a", "html", TEXT_HTML},
        {"text/plain", "a.md", "document", TEXT_PLAIN},
        {"text/x-csrc", "a", "code", TEXT_PLAIN},
        {"image/png", "a.md", "image", -1},
        {"image/svg+xml", "a", "image", TEXT_PLAIN},
        {"application/vnd.oasis.opendocument.text", "", "document", -1},
        {"application/pdf", "", "pdf", -1},
        {"application/octet-stream", "a.md", "document", TEXT_MARKDOWN}, /* which says nothing */
        {"application/octet-stream", "a", "other", -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct media_text mime = {rows[i].mime, strlen(rows[i].mime)};
        const struct media_text uri = {rows[i].uri, strlen(rows[i].uri)};
        enum text_format format = TEXT_PLAIN;
        const char *type = media_type(&mime, &uri);
        int got = media_format(&mime, &uri, &format) ? (int)format : -1;
        cr_expect_str_eq(type, rows[i].type, "%s %s: want %s, got %s", rows[i].mime, rows[i].uri,
                         rows[i].type, type);
        cr_expect_eq(got, rows[i].format, "%s %s: want %d, got %d", rows[i].mime, rows[i].uri,
                     rows[i].format, got);
    }
}
