/* SPDX-License-Identifier: MIT */
#include "kb/frame.h"

#include "frames.h"

static struct frames f;

static void open_frames(void)
{
    frames_open(&f);
}

static void close_frames(void)
{
    frames_close(&f);
}

TestSuite(kb_frame, .init = open_frames, .fini = close_frames);

#define ID1 "11111111-2222-3333-4444-555555555555"
#define ID2 "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Each row is a segment of its own, with a reader of its own; what is held comes out as text. */
static const struct held_row {
    const char *in, *want;
} held_rows[] = {
    /* assets */
    {"[{'kind': 'asset', 'uri': 's3://a/b.mp4'}]", "asset 0.0+1 uri=s3://a/b.mp4\n"
                                                   "  is - - - - - - - - - - - - video\n"},
    {"[{'event': 'kb.ingest.asset.created.v1', 'uri': 'a', 'asset_id': '" ID1 "', 'type': 'pdf', "
     "'source': 's', 'meta': {'a': 1}}]",
     "asset 0.0+1 uri=a asset_id=" ID1 "\n"
     "  is pdf - - s - - - - - - - {\"a\":1} other\n"},
    {"[{'kind': 'asset', 'uri': 'a', 'type': 't', 'mime': 'image/png', 'title': 'T', 'source': 's',"
     "'license': 'l', 'checksum': 'sha256:" SUM "', 'language': 'de', 'size_bytes': 70000000000,"
     "'transcript_uri': 'tr', 'thumbnail_uri': 'th', 'created_at': '2000-01-01T00:00:01Z'}]",
     "asset 0.0+1 uri=a\n"
     "  is t image/png T s l " SUM " 70000000000 de tr th 1000000 - image\n"},
    /* what has no field of its own is kept; meta wins, and nil is no key */
    {"[{'kind': 'asset', 'uri': 'a', 'x': 1, 'y': [2], 'type': null, 'meta': {'y': 3}}]",
     "asset 0.0+1 uri=a\n"
     "  is - - - - - - - - - - - {\"x\":1,\"y\":3} other\n"},
    {"[{'kind': 'asset', 'uri': 'a', 'event': 'x'}]",
     "asset 0.0+1 uri=a\n"
     "  is - - - - - - - - - - - {\"event\":\"x\"} other\n"},
    {"[{'event': 'kb.ingest.asset.created.v1', 'uri': 'a', 'meta': null}]",
     "asset 0.0+1 uri=a\n"
     "  is - - - - - - - - - - - - other\n"},
    /* an asset with its text is a document, too */
    {"[{'kind': 'asset', 'uri': 'a', 'title': 'T', 'text': 'b', 'format': 'markdown', 'pack_id': "
     "'" ID1 "', 'md': {}}]",
     "document 0.0+1 uri=a\n"
     "  is - - T - - - - - - - - - other\n"
     "  title T meta -\n"
     "  section 0 - {\"level\":0}\n"
     "  chunk s0 " ID1 " b 1 0 16 0 {\"headings\":[],\"chars\":[0,1],\"lines\":[1,1]} pending "
     "32 bytes - -\n"},
    /* documents */
    {"[{'kind': 'document', 'uri': 'a.md', 'text': '# H\\n\\nb', 'md': {'k': 1, 'page': 9}}]",
     "document 0.0+1 uri=a.md\n"
     "  may be - - - - - - - - - - - - document\n"
     "  title H meta -\n"
     "  section 0 H {\"level\":1}\n"
     "  chunk s0 - # H\n\nb 3 0 16 0 {\"k\":1,\"page\":9,\"headings\":[\"H\"],\"chars\":[0,6],"
     "\"lines\":[1,3]} pending 32 bytes - -\n"},
    {"[{'kind': 'document', 'uri': 'a', 'mime': 'text/html; charset=utf-8', 'title': 'T', 'meta': "
     "{'m': 1}, 'text': '<title>t</title><p>b', 'checksum': '" SUM "', 'previous_uri': 'p'}]",
     "document 0.0+1 uri=a checksum=" SUM " previous_uri=p\n"
     "  may be - text/html; charset=utf-8 - - - " SUM " - - - - - - html\n"
     "  title T meta {\"m\":1}\n"
     "  section 0 - {\"level\":0}\n"
     "  chunk s0 - b 1 0 16 0 {\"headings\":[],\"chars\":[0,1],\"lines\":[1,1]} pending 32 "
     "bytes - -\n"},
    {"[{'kind': 'document', 'doc_id': '" ID2 "', 'text': ' \\n'}]",
     "document 0.0+1 doc_id=" ID2 "\n"
     "  may be - - - - - - - - - - - - other\n"
     "  title - meta -\n"},
    {"[{'kind': 'document', 'asset_id': '" ID1 "', 'deleted': true}]",
     "document 0.0+1 asset_id=" ID1 " retired\n"
     "  may be - - - - - - - - - - - - other\n"
     "  title - meta -\n"},
    /* ready-made: frames that follow each other are one record, and idx counts on */
    {"[{'kind': 'document', 'uri': 'a'},"
     "{'kind': 'section', 'uri': 'a', 'idx': 0, 'heading': 'H', 'meta': {}},"
     "{'kind': 'section', 'uri': 'a', 'idx': 1, 'parent': 0, 'meta': {'parent': 7}},"
     "{'kind': 'chunk', 'uri': 'a', 'section': 1, 'text': 'one', 'embedding': [1, -2.5]},"
     "{'kind': 'chunk', 'uri': 'a', 'text': 'two', 'embedding': 'f32:0,3', 'model': 'lexical',"
     "'tokens': 7, 'window': 8, 'overlap': 0, 'pack_id': '" ID1 "', 'md': {'b': 1, 'a': 2}},"
     "{'kind': 'chunk', 'uri': 'a', 'idx': 9.0, 'text': 'ten', 'embedding': null, 'model': 'x'},"
     "{'kind': 'chunk', 'uri': 'a', 'text': 'eleven'}]",
     "document 0.0+1 uri=a\n"
     "  may be - - - - - - - - - - - - other\n"
     "  title - meta -\n"
     "part 0.1+6 uri=a\n"
     "  section 0 H {}\n"
     "  section 1 - {\"parent\":7,\"parent\":0}\n"
     "  chunk s1 - one 1 0 - - {} complete 32 bytes - 1,-2.5\n"
     "  chunk - " ID1 " two 7 1 8 0 {\"a\":2,\"b\":1} complete 32 bytes lexical 0,3\n"
     "  chunk - - ten 1 9 - - {} pending 32 bytes - -\n"
     "  chunk - - eleven 2 10 - - {} pending 32 bytes - -\n"},
    /* the same document by another of its names, or none that is known to be */
    {"[{'kind': 'document', 'uri': 'a', 'doc_id': '" ID2 "'},"
     "{'kind': 'chunk', 'doc_id': '" ID2 "', 'text': 'x'},"
     "{'kind': 'chunk', 'uri': 'a', 'text': 'y'}]",
     "document 0.0+1 uri=a doc_id=" ID2 "\n"
     "  may be - - - - - - - - - - - - other\n"
     "  title - meta -\n"
     "part 0.1+1 doc_id=" ID2 "\n"
     "  chunk - - x 1 0 - - {} pending 32 bytes - -\n"
     "reject 2 idx: the key is missing, and the frame before this one in its segment is not the "
     "same document's\n"},
    /* a refused frame leaves nothing, and the next one counts on as if it hadn't been there */
    {"[{'kind': 'chunk', 'uri': 'a', 'idx': 3, 'text': 'x'},"
     "{'kind': 'chunk', 'uri': 'a', 'text': 'y', 'embedding': [1]},"
     "{'kind': 'document', 'uri': 'b', 'text': 'z', 'meta': []},"
     "{'kind': 'chunk', 'uri': 'a', 'text': 'z'}]",
     "part 0.0+2 uri=a\n"
     "  chunk - - x 1 3 - - {} pending 32 bytes - -\n"
     "  chunk - - z 1 4 - - {} pending 32 bytes - -\n"
     "reject 1 embedding: 1 numbers; vectors of this database have 2\n"
     "reject 2 meta: a map is wanted, but it is an array\n"},
    {"[{'kind': 'chunk', 'uri': 'a', 'idx': 2147483647, 'text': 'x'},"
     "{'kind': 'chunk', 'uri': 'a', 'text': 'y'}]",
     "part 0.0+1 uri=a\n"
     "  chunk - - x 1 2147483647 - - {} pending 32 bytes - -\n"
     "reject 1 idx: the key is missing, and the chunk before has the highest\n"},
    {"[{'kind': 'chunk', 'uri': 'a', 'idx': 0, 'text': 'x'},"
     "{'kind': 'chunk', 'uri': 'b', 'idx': 0, 'text': 'x'},"
     "{'kind': 'chunk', 'uri': 'b', 'idx': 1, 'text': 'x', 'checksum': '" SUM "'}]",
     "part 0.0+1 uri=a\n"
     "  chunk - - x 1 0 - - {} pending 32 bytes - -\n"
     "part 0.1+1 uri=b\n"
     "  chunk - - x 1 0 - - {} pending 32 bytes - -\n"
     "part 0.2+1 uri=b checksum=" SUM "\n"
     "  chunk - - x 1 1 - - {} pending 32 bytes - -\n"},
};

Test(kb_frame, held)
{
    for (size_t i = 0; i < COUNT(held_rows); i++) {
        frames_close(&f);
        frames_open(&f);
        frames_read(&f, held_rows[i].in);
        const char *got = frames_show(&f);
        cr_expect_str_eq(got, held_rows[i].want, "%s\nwant:\n%s\n got:\n%s", held_rows[i].in,
                         held_rows[i].want, got);
    }
}

#define CHUNK "'kind': 'chunk', 'uri': 'a', 'idx': 0"

static const struct reject_row {
    const char *in, *want;
} reject_rows[] = {
    {"'kind': 'asset'", "uri: the key is missing"},
    {"'kind': 'asset', 'uri': ''", "uri: it is empty"},
    {"'kind': 'asset', 'uri': 1", "uri: text is wanted, but it is an integer"},
    {"'kind': 'asset', 'uri': 'a\\u0000'", "uri: a NUL character, which Postgres text can't hold"},
    {"'kind': 'asset', 'uri': 'a', 'asset_id': 'b'", "asset_id: uuid is wanted, but \"b\" is none"},
    {"'kind': 'asset', 'uri': 'a', 'checksum': 'abc'",
     "checksum: a SHA-256 is wanted, as 64 hexadecimal digits"},
    {"'kind': 'asset', 'uri': 'a', 'checksum': 'g123456789abcdef0123456789abcdef0123456789abcdef"
     "0123456789abcdef'",
     "checksum: a SHA-256 is wanted, as 64 hexadecimal digits"},
    {"'kind': 'asset', 'uri': 'a', 'checksum': ''",
     "checksum: a SHA-256 is wanted, as 64 hexadecimal digits"},
    {"'kind': 'asset', 'uri': 'a', 'size_bytes': -1", "size_bytes: it is negative"},
    {"'kind': 'asset', 'uri': 'a', 'size_bytes': 1.5",
     "size_bytes: bigint is wanted, but 1.5 is not whole"},
    {"'kind': 'asset', 'uri': 'a', 'created_at': 'now'",
     "created_at: not an RFC 3339 time with an offset: \"now\""},
    {"'kind': 'asset', 'uri': 'a', 'meta': 'x'", "meta: a map is wanted, but it is a string"},
    {"'kind': 'asset', 'uri': 'a', 'meta': 'x', 'y': 1",
     "meta: a map is wanted, but it is a string"},
    {"'kind': 'asset', 'uri': 'a', 'x': '\\u0000'",
     "meta: a NUL character, which jsonb can't hold"},
    {"'kind': 'asset', 'uri': 'a', 'text': 1", "text: text is wanted, but it is an integer"},
    {"'kind': 'document', 'text': 'x'",
     "uri: the frame names no document: uri, asset_id or doc_id is wanted"},
    {"'kind': 'document', 'uri': 'a', 'format': 'rtf', 'text': 'x'",
     "format: text, markdown or html is wanted, but it is \"rtf\""},
    {"'kind': 'document', 'uri': 'a', 'deleted': 1", "deleted: true or false is wanted"},
    {"'kind': 'document', 'uri': 'a', 'deleted': true, 'text': 'x'",
     "deleted: a document that is deleted has no text"},
    {"'kind': 'document', 'asset_id': '" ID1 "', 'previous_uri': 'x'",
     "previous_uri: the uri that it has now is missing"},
    {"'kind': 'document', 'uri': 'a', 'md': [], 'text': 'x'",
     "md: a map is wanted, but it is an array"},
    {"'kind': 'document', 'uri': 'a', 'pack_id': 'x', 'text': 'x'",
     "pack_id: uuid is wanted, but \"x\" is none"},
    {"'kind': 'section', 'uri': 'a'", "idx: the key is missing"},
    {"'kind': 'section', 'uri': 'a', 'idx': -1", "idx: an integer from 0 on is wanted"},
    {"'kind': 'section', 'uri': 'a', 'idx': 2147483648",
     "idx: integer is wanted, but 2147483648 is out of range"},
    {"'kind': 'section', 'uri': 'a', 'idx': 1, 'parent': 1",
     "parent: section 1 can't be above section 1: parents come first"},
    {"'kind': 'section', 'uri': 'a', 'idx': 1, 'heading': []",
     "heading: text is wanted, but it is an array"},
    {"'kind': 'chunk', 'uri': 'a', 'text': 'x'",
     "idx: the key is missing, and the frame before this one in its segment is not the same "
     "document's"},
    {CHUNK, "text: the key is missing"},
    {CHUNK ", 'text': null", "text: the key is missing"},
    {CHUNK ", 'text': ''", "text: a chunk of white space alone"},
    {CHUNK ", 'text': ' \\n\\u00a0\\u3000'", "text: a chunk of white space alone"},
    {CHUNK ", 'text': 'x', 'section': -1", "section: an integer from 0 on is wanted"},
    {CHUNK ", 'text': 'x', 'tokens': 'x'", "tokens: integer is wanted, but it is a string"},
    {CHUNK ", 'text': 'x', 'md': 1", "md: a map is wanted, but it is an integer"},
    {CHUNK ", 'text': 'x', 'embedding': []", "embedding: 0 numbers; vectors of this database have "
                                             "2"},
    {CHUNK ", 'text': 'x', 'embedding': [0, 0]",
     "embedding: all 2 numbers are 0: it has no direction"},
    {CHUNK ", 'text': 'x', 'embedding': [1, 2], 'model': ''",
     "model: 0 bytes; 1 to 199 are a model's name"},
    {CHUNK ", 'text': 'x', 'embedding': [1, 2], 'model': 'm'",
     "model: \"m\", but the vectors of this database are of \"lexical\""},
};

Test(kb_frame, rejects)
{
    for (size_t i = 0; i < COUNT(reject_rows); i++) {
        char json[2000];
        char want[600];
        frames_close(&f);
        frames_open(&f);
        (void)snprintf(json, sizeof json, "[{%s}]", reject_rows[i].in);
        (void)snprintf(want, sizeof want, "reject 0 %s\n", reject_rows[i].want);
        frames_read(&f, json);
        const char *got = frames_show(&f);
        cr_expect_str_eq(got, want, "%s\nwant: %s got: %s", reject_rows[i].in, want, got);
        cr_expect_eq(kb_held_bytes(&f.held), 0, "%s: %zu bytes stay", reject_rows[i].in,
                     kb_held_bytes(&f.held));
    }
}

/* A frame with a key whose text is so long, for the limits that aren't msgpack's. */
static void read_long(const char *kind, const char *key, size_t len)
{
    struct buf json = {0};
    buf_printf(&json, "[{'kind': '%s', 'idx': 0, '%s': '", kind, key);
    for (size_t i = 0; i < len; i++)
        buf_byte(&json, 'x');
    buf_printf(&json, "'%s}]", strcmp(key, "uri") == 0 ? "" : ", 'uri': 'u'");
    frames_read(&f, buf_cstr(&json));
    buf_free(&json);
}

Test(kb_frame, long_texts)
{
    read_long("asset", "uri", 2000);
    read_long("asset", "type", 200);
    read_long("chunk", "text", 200 * 1024);
    cr_expect_eq(f.held.count, 3);
    read_long("asset", "uri", 2001);
    read_long("asset", "type", 201);
    read_long("chunk", "text", 200 * 1024 + 1);
    cr_expect_eq(f.held.count, 3);
    cr_expect_str_eq(buf_cstr(&f.rejects), "reject 0 uri: 2001 bytes; 2000 are the most\n"
                                           "reject 0 type: it is longer than 200 bytes\n"
                                           "reject 0 text: 204801 bytes; a chunk has 200 KiB at "
                                           "the most\n");
}

/* md stands in every chunk: what is small in the frame is not in the rows. */
Test(kb_frame, much_md_in_many_chunks)
{
    struct buf json = {0};
    buf_str(&json, "[{'kind': 'document', 'uri': 'a', 'format': 'markdown', 'md': {'k': '");
    for (size_t i = 0; i < 1000000; i++)
        buf_byte(&json, 'x');
    buf_str(&json, "'}, 'text': '");
    for (size_t i = 0; i < 300; i++)
        buf_str(&json, "# a\\n");
    buf_str(&json, "'}]");
    frames_read(&f, buf_cstr(&json));
    cr_expect_str_eq(frames_show(&f),
                     "reject 0 md: its 300 chunks, each with the md, are more than 256 MiB\n");
    buf_free(&json);
}

/* Of each frame: the digest in hexadecimal. */
static void expect_digests(const char *one, const char *two, bool are_same)
{
    char hex[2][HASH_HEX] = {"", ""};
    for (int i = 0; i < 2; i++) {
        frames_close(&f);
        frames_open(&f);
        frames_read(&f, i == 0 ? one : two);
        cr_assert_eq(f.held.digests.len, HASH_BYTES, "%s\n%s", i == 0 ? one : two, frames_show(&f));
        (void)hash_hex(f.held.digests.data, hex[i]);
    }
    cr_expect_eq(strcmp(hex[0], hex[1]) == 0, are_same, "%s\n%s\nwant %s digests", one, two,
                 are_same ? "equal" : "different");
}

#define DOCUMENT "'kind': 'document', 'uri': 'a'"

Test(kb_frame, digests_are_of_what_is_said)
{
    static const struct {
        const char *one, *two;
        bool are_same;
    } rows[] = {
        {"[{" DOCUMENT ", 'text': 'x', 'md': {'a': 1, 'b': 2}}]",
         "[{'md': {'b': 2.0, 'b': 2, 'a': 1}, 'text': 'x', 'uri': 'b', 'kind': 'document', "
         "'unknown': 1}]",
         true},
        {"[{" DOCUMENT ", 'text': 'x'}]", "[{'kind': 'asset', 'uri': 'a', 'text': 'x'}]", true},
        {"[{" DOCUMENT ", 'text': 'x'}]", "[{" DOCUMENT ", 'text': 'y'}]", false},
        {"[{" DOCUMENT ", 'text': 'x'}]", "[{" DOCUMENT ", 'text': 'x', 'title': 't'}]", false},
        {"[{" DOCUMENT ", 'text': 'x'}]", "[{" DOCUMENT ", 'text': 'x', 'meta': {}}]", false},
        {"[{" DOCUMENT ", 'text': 'x'}]", "[{" DOCUMENT ", 'text': 'x', 'md': {'a': 1}}]", false},
        {"[{" DOCUMENT ", 'text': 'x'}]", "[{" DOCUMENT ", 'text': 'x', 'pack_id': '" ID1 "'}]",
         false},
        {"[{" DOCUMENT ", 'text': 'x'}]", "[{" DOCUMENT ", 'text': 'x', 'format': 'markdown'}]",
         false},
        {"[{" DOCUMENT ", 'text': ''}]", "[{" DOCUMENT "}]", false},
        {"[{" DOCUMENT "}]", "[{" DOCUMENT ", 'deleted': true}]", false},
        {"[{" CHUNK ", 'text': 'x', 'md': {'a': 1, 'b': 2}}]",
         "[{'md': {'b': 2, 'a': 1}, 'text': 'x', 'idx': 0, 'kind': 'chunk', 'uri': 'b'}]", true},
        {"[{" CHUNK ", 'text': 'x'}]", "[{" CHUNK ", 'text': 'y'}]", false},
        {"[{" CHUNK ", 'text': 'x'}]", "[{'kind': 'chunk', 'uri': 'a', 'text': 'x', 'idx': 1}]",
         false},
        {"[{" CHUNK ", 'text': 'x'}]", "[{" CHUNK ", 'text': 'x', 'section': 0}]", false},
        {"[{" CHUNK ", 'text': 'x'}]", "[{" CHUNK ", 'text': 'x', 'window': 1}]", false},
        {"[{" CHUNK ", 'text': 'x', 'embedding': [1, 2]}]",
         "[{" CHUNK ", 'text': 'x', 'embedding': [1, 3]}]", false},
        {"[{" CHUNK ", 'text': 'x', 'embedding': [1, 2]}]",
         "[{" CHUNK ", 'text': 'x', 'embedding': 'f32:1,2'}]", true},
        {"[{'kind': 'section', 'uri': 'a', 'idx': 0}]",
         "[{'kind': 'section', 'uri': 'a', 'idx': "
         "1}]",
         false},
        {"[{'kind': 'section', 'uri': 'a', 'idx': 0}]",
         "[{'kind': 'section', 'uri': 'a', 'idx': 0, 'heading': 'h'}]", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_digests(rows[i].one, rows[i].two, rows[i].are_same);
}

/* Another size of chunks is another revision. */
Test(kb_frame, digests_know_the_settings)
{
    char hex[HASH_HEX];
    char other[HASH_HEX];
    static const char text[] = "[{" DOCUMENT ", 'text': 'x'}]";
    frames_read(&f, text);
    (void)hash_hex(f.held.digests.data, hex);
    frames_close(&f);
    frames_open(&f);
    f.reader.split.tokens = 17;
    frames_read(&f, text);
    cr_expect_str_neq(hash_hex(f.held.digests.data, other), hex);
}

Test(kb_frame, nul_is_stripped_where_the_gate_says_so)
{
    f.reader.nul = NUL_STRIP;
    frames_read(&f, "[{" DOCUMENT ", 'text': 'a\\u0000b'}, {" CHUNK ", 'text': 'c\\u0000d'}]");
    const char *got = frames_show(&f);
    cr_expect(strstr(got, "chunk s0 - ab 1 0"), "got %s", got);
    cr_expect(strstr(got, "chunk - - cd 1 0"), "got %s", got);
}

/* More keys than the reader notes: the last of equal ones counts, wherever it stands. */
Test(kb_frame, keys_behind_those_that_are_noted)
{
    struct buf bytes = {0};
    buf_put(&bytes, BYTES("\xde\0\x29\xa4kind\xa5"
                          "chunk\xa3uri\xa1"
                          "a\xa4text\xa1x"));
    for (int i = 0; i < 35; i++)
        buf_printf(&bytes, "\xa3k%02d\xc0", i);
    buf_put(&bytes, BYTES("\xa4text\xa1y\xa3idx\x05\xa6tokens\xc0"));
    frames_read_bytes(&f, bytes.data, bytes.len);
    cr_expect_str_eq(frames_show(&f), "part 0.0+1 uri=a\n"
                                      "  chunk - - y 1 5 - - {} pending 32 bytes - -\n");
    cr_expect_eq(f.held.keys_ignored, 35, "got %d", (int)f.held.keys_ignored);
    buf_free(&bytes);
}

Test(kb_frame, a_segment_begins_anew)
{
    frames_read(&f, "[{" CHUNK ", 'text': 'x'}]");
    frames_read(&f, "[{'kind': 'chunk', 'uri': 'a', 'text': 'y'}, {" CHUNK ", 'text': 'x'}]");
    cr_expect_eq(f.held.count, 2);
    cr_expect(strstr(buf_cstr(&f.rejects), "reject 0 idx: the key is missing"), "got %s",
              buf_cstr(&f.rejects));
}

/* An inspection that is begun anew is no continuation of the one before. */
Test(kb_frame, so_does_a_walk)
{
    static const char text[] = "[{" DOCUMENT "}, {'kind': 'chunk', 'uri': 'a', 'text': 'x'}]";
    frames_read(&f, text);
    kb_held_clear(&f.held);
    f.segments = 0;
    frames_read(&f, "[{'kind': 'chunk', 'uri': 'a', 'text': 'y'}]");
    f.segments = 0;
    frames_read(&f, text);
    cr_expect_eq(f.held.count, 2);
    cr_expect(strncmp(buf_cstr(&f.rejects), "reject 0 idx", 12) == 0, "got %s",
              buf_cstr(&f.rejects));
}

/* A second walk, with a reader of its own, finds the same rows, but for the ids of chunks. */
Test(kb_frame, a_second_walk_finds_the_same)
{
    for (size_t i = 0; i < COUNT(held_rows); i++) {
        struct frames again;
        frames_close(&f);
        frames_open(&f);
        frames_open(&again);
        frames_read(&f, held_rows[i].in);
        frames_read(&again, held_rows[i].in);
        cr_expect_str_eq(frames_show(&again), frames_show(&f));
        EXPECT_BYTES(again.held.digests.data, again.held.digests.len, f.held.digests.data,
                     f.held.digests.len, "row %zu", i);
        frames_close(&again);
    }
}

Test(kb_frame, is)
{
    static const struct {
        const char *kind;
        bool want;
    } rows[] = {{"asset", true},
                {"document", true},
                {"section", true},
                {"chunk", true},
                {"kb.ingest.asset.created.v1", true},
                {"kb.index.completed.v1", false},
                {"chunks", false},
                {"Chunk", false},
                {"", false}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct frame frame = {.kind = (const uint8_t *)rows[i].kind,
                                    .kind_len = (uint32_t)strlen(rows[i].kind)};
        cr_expect_eq(kb_frame_is(&frame), rows[i].want, "%s", rows[i].kind);
    }
    cr_expect_not(kb_frame_is(&(struct frame){0}));
}
