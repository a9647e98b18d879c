/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "cli/commands.h"
#include "frame/pack.h"
#include "spool/name.h"
#include "spool/seal.h"

enum { LINE_BYTES_MAX = 64 << 20 };

struct input {
    FILE *file;
    const char *name;
    struct buf line;
    struct buf frame;
    unsigned long number;
};

/* A line without its end; *more is false at the end of the input. */
static struct err read_line(struct input *in, bool *more)
{
    int c;
    buf_clear(&in->line);
    in->number++;
    while ((c = getc_unlocked(in->file)) != EOF && c != '\n') {
        if (in->line.len == LINE_BYTES_MAX)
            return err_make(ERR_SEGMENT, "%s:%lu: the line is longer than 64 MiB", in->name,
                            in->number);
        buf_byte(&in->line, (uint8_t)c);
    }
    if (c == EOF && ferror(in->file))
        return err_system(ERR_SPOOL, errno, "can't read %s", in->name);
    *more = c != EOF || in->line.len > 0;
    return ERR_OK;
}

static bool is_blank(const struct buf *line)
{
    for (size_t i = 0; i < line->len; i++)
        if (!strchr(" \t\r", line->data[i]) || line->data[i] == '\0')
            return false;
    return true;
}

/* As the reader sees it: by `kind`, or by `event` where there is no kind that is a string. */
static bool is_seal(const json_t *frame)
{
    const char *kind = json_string_value(json_object_get(frame, "kind"));
    const char *event = json_string_value(json_object_get(frame, "event"));
    const char *name = kind ? kind : event;
    return name && strcmp(name, "seal") == 0;
}

static struct err pack_line(struct input *in)
{
    json_error_t problem;
    json_t *value =
        json_loadb((const char *)in->line.data, in->line.len, JSON_REJECT_DUPLICATES, &problem);
    if (!value)
        return err_make(ERR_SEGMENT, "%s:%lu:%d: %s", in->name, in->number, problem.column,
                        problem.text);
    struct err e = ERR_OK;
    if (!json_is_object(value)) {
        e = err_make(ERR_SEGMENT, "%s:%lu:1: a frame is a JSON object", in->name, in->number);
    } else if (is_seal(value)) {
        e = err_make(ERR_SEGMENT, "%s:%lu:1: the kind `seal` is put's own: it ends the segment",
                     in->name, in->number);
    } else {
        buf_clear(&in->frame);
        pack_json(&in->frame, value);
    }
    json_decref(value);
    return e;
}

static struct err write_frames(struct input *in, struct seal *seal)
{
    for (;;) {
        bool more = false;
        TRY(read_line(in, &more));
        if (!more)
            return ERR_OK;
        if (is_blank(&in->line))
            continue;
        TRY(pack_line(in));
        TRY(seal_frame(seal, in->frame.data, in->frame.len));
    }
}

static struct err check_name(const char *name, bool zstd)
{
    if (strchr(name, '/') || strlen(name) >= NAME_BYTES || name_kind(name) != NAME_SEGMENT)
        return err_make(ERR_USAGE,
                        "`%s` can't be a segment's name: it ends in .msgpack%s, holds no "
                        "'/' and doesn't start with a dot",
                        name, zstd ? ".zst" : "");
    if (name_is_zstd(name) != zstd)
        return err_make(ERR_USAGE, "`%s`: .msgpack.zst goes with --zstd, .msgpack without", name);
    return ERR_OK;
}

struct request {
    const char *gate, *name;
    bool zstd;
};

static struct err put(const struct spool *spool, const struct request *request, struct input *in)
{
    struct seal seal;
    struct err e = seal_open(&seal, spool, request->zstd);
    if (!err_is(&e))
        e = write_frames(in, &seal);
    if (!err_is(&e) && seal.frames == 0)
        e = err_make(ERR_SEGMENT, "%s holds no frame: nothing was put", in->name);
    if (!err_is(&e))
        e = seal_publish(&seal, spool, request->gate, request->name);
    if (!err_is(&e)) {
        char folder[SPOOL_GATE];
        spool_gate_folder(spool, request->gate, folder);
        (void)printf("%s/incoming/%s%s%s\n", spool->path, folder, *folder ? "/" : "",
                     request->name);
    }
    seal_close(&seal);
    return e;
}

/* Only a gate's folder is the manifests' affair: whoever writes to incoming/ needs none. */
static struct err put_into(const struct config *config, const struct request *request,
                           struct input *in)
{
    struct cli_site site;
    struct spool spool;
    if (strcmp(request->gate, SPOOL_DEFAULT_GATE) != 0) {
        TRY(cli_open_site(config, true, &site));
        struct err e = cli_require_gate(&site, request->gate);
        if (!err_is(&e))
            e = put(&site.spool, request, in);
        cli_close_site(&site);
        return e;
    }
    TRY(spool_open(&spool, config->spool, true));
    struct err e = put(&spool, request, in);
    spool_close(&spool);
    return e;
}

static struct err put_from(const struct config *config, const struct request *request,
                           const char *path)
{
    bool is_stdin = !path || strcmp(path, "-") == 0;
    struct input in = {.file = is_stdin ? stdin : fopen(path, "re"),
                       .name = is_stdin ? "stdin" : path};
    if (!in.file)
        return err_system(ERR_USAGE, errno, "can't open %s", path);
    struct err e = put_into(config, request, &in);
    buf_free(&in.line);
    buf_free(&in.frame);
    if (!is_stdin)
        (void)fclose(in.file);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request request = {.gate = SPOOL_DEFAULT_GATE};
    char made_name[64];
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_SPOOL(common),
        {'g', "gate", "NAME", "the gate's folder; default: incoming/ itself", &request.gate, NULL},
        {'z', "zstd", NULL, "compress", NULL, &request.zstd},
        {'o', "name", "NAME", "the segment's name; default: one that nobody else has",
         &request.name, NULL},
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_put, options, &argc, &argv, &code))
        return code;
    if (argc > 1)
        return cli_usage(&cli_put, "one input at most");
    if (!name_is_gate(request.gate))
        return cli_usage(&cli_put, "a gate's name is made of a-z, 0-9, _ and -");
    if (!request.name) {
        char id[UUID_TEXT];
        struct uuid unique = uuid_new();
        (void)snprintf(made_name, sizeof made_name, "put-%s.msgpack%s", uuid_format(&unique, id),
                       request.zstd ? ".zst" : "");
        request.name = made_name;
    }
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = check_name(request.name, request.zstd);
    if (!err_is(&e))
        e = put_from(&config, &request, argc == 1 ? argv[0] : NULL);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_put = {
    .name = "put",
    .arguments = "[FILE|-]",
    .summary = "JSON lines in, one sealed segment out; prints its path",
    .details = "Every line is one frame: an object with `kind`, which names its stream, and the "
               "stream's keys.\n"
               "The segment appears in incoming/ whole, synced and sealed, or, when a line is "
               "wrong, not at\n"
               "all (65, with the line and column).\n\n"
               "  echo "
               "'{\"kind\":\"event\",\"ts\":\"2026-11-21T12:00:00Z\",\"source\":\"me\",\"type\":"
               "\"hello\"}' |\n"
               "      spoolgate put --zstd\n",
    .run = run,
};
