/* SPDX-License-Identifier: MIT */
#include "kb/media.h"

#include <string.h>
#include <strings.h>

/* What there is of text in it. */
enum text { NO_TEXT, PLAIN, MARKDOWN, HTML };

struct sort {
    const char *names; /* media types (those that end with / or - are the fronts of many), or
                          endings; a blank behind each */
    const char *type;
    enum text text;
};

/* The first that fits. */
static const struct sort by_mime[] = {
    {"text/markdown text/x-markdown ", "document", MARKDOWN},
    {"text/html application/xhtml+xml ", "html", HTML},
    {"application/pdf ", "pdf", NO_TEXT},
    {"image/svg+xml ", "image", PLAIN},
    {"image/ ", "image", NO_TEXT},
    {"audio/ ", "audio", NO_TEXT},
    {"video/ ", "video", NO_TEXT},
    {"text/x- text/css text/javascript text/xml application/javascript application/json "
     "application/xml application/yaml application/toml application/sql application/x-sh "
     "application/x-python ",
     "code", PLAIN},
    {"text/ ", "document", PLAIN},
    {"application/rtf application/msword application/epub+zip application/vnd.oasis. "
     "application/vnd.openxmlformats- application/vnd.ms- ",
     "document", NO_TEXT},
};

static const struct sort by_ending[] = {
    {"md markdown mdown mkd ", "document", MARKDOWN},
    {"html htm xhtml ", "html", HTML},
    {"txt text rst adoc asciidoc org tex log ", "document", PLAIN},
    {"c h cc cpp cxx hpp hh m py pyi rb pl pm sh bash zsh js mjs ts jsx tsx java kt scala go rs "
     "swift cs fs php lua r jl hs ml ex exs erl clj lisp el vim sql json jsonl yaml yml toml ini "
     "cfg conf xml css scss less cmake mk gradle proto graphql tf nix dockerfile makefile diff "
     "patch y l asm s v sv vhd ",
     "code", PLAIN},
    {"pdf ", "pdf", NO_TEXT},
    {"doc docx odt rtf epub ppt pptx odp xls xlsx ods ps ", "document", NO_TEXT},
    {"svg ", "image", PLAIN},
    {"png jpg jpeg gif webp bmp tif tiff ico heic avif ", "image", NO_TEXT},
    {"mp3 wav flac ogg opus m4a aac ", "audio", NO_TEXT},
    {"mp4 mkv webm mov avi mpg mpeg m4v ", "video", NO_TEXT},
    {"zip gz xz zst bz2 tar tgz 7z jar exe dll so o a bin iso img deb rpm whl pyc class wasm db "
     "sqlite parquet ",
     "other", NO_TEXT},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Is it one of the names? */
static bool is_among(const char *names, const char *text, size_t len)
{
    while (*names) {
        size_t name = strcspn(names, " ");
        char last = names[name - 1];
        bool is_front = last == '/' || last == '-' || last == '.';
        if ((len == name || (is_front && len > name)) && strncasecmp(names, text, name) == 0)
            return true;
        names += name + 1;
    }
    return false;
}

static const struct sort *look_up(const struct sort *sorts, size_t count, const char *text,
                                  size_t len)
{
    for (size_t i = 0; len > 0 && i < count; i++)
        if (is_among(sorts[i].names, text, len))
            return &sorts[i];
    return NULL;
}

/* "text/html" of "text/html; charset=utf-8". */
static size_t mime_length(const struct media_text *mime)
{
    const char *text = mime->bytes;
    size_t len = 0;
    while (len < mime->len && text[len] != ';' && text[len] != ' ')
        len++;
    return len;
}

/* What stands behind the last dot of the uri's last part; a name without one (Makefile) is its own
 * ending. A query or a fragment is no part of it. */
static const struct sort *sort_of_uri(const struct media_text *uri)
{
    const char *text = uri->bytes;
    size_t end = 0;
    while (end < uri->len && text[end] != '?' && text[end] != '#')
        end++;
    size_t at = end;
    while (at > 0 && text[at - 1] != '.' && text[at - 1] != '/' && text[at - 1] != ':')
        at--;
    return look_up(by_ending, COUNT(by_ending), text + at, end - at);
}

/* NULL: nothing is known of it. */
static const struct sort *sort_of(const struct media_text *mime, const struct media_text *uri)
{
    const struct sort *sort = look_up(by_mime, COUNT(by_mime), mime->bytes, mime_length(mime));
    return sort || uri->len == 0 ? sort : sort_of_uri(uri);
}

const char *media_type(const struct media_text *mime, const struct media_text *uri)
{
    const struct sort *sort = sort_of(mime, uri);
    return sort ? sort->type : "other";
}

bool media_format(const struct media_text *mime, const struct media_text *uri,
                  enum text_format *format)
{
    const struct sort *sort = sort_of(mime, uri);
    enum text text = sort ? sort->text : mime->len > 0 ? NO_TEXT : PLAIN;
    *format = text == MARKDOWN ? TEXT_MARKDOWN : text == HTML ? TEXT_HTML : TEXT_PLAIN;
    return text != NO_TEXT;
}
