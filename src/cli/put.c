/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/lines.h"
#include "spool/name.h"
#include "spool/seal.h"

struct request {
    const char *gate, *name;
    bool zstd;
    const char *every[CLI_MANY]; /* --seal-every */
    struct cut cut;
};

static struct err write_frames(struct lines *in, struct buf *frame, struct seal *seal)
{
    for (;;) {
        bool found;
        TRY(lines_next(in, frame, &found));
        if (found)
            TRY(seal_frame(seal, frame->data, frame->len));
        else if (in->is_ended)
            return ERR_OK;
        else
            TRY(lines_read(in, SIZE_MAX));
    }
}

static struct err put_one(const struct spool *spool, const struct request *request,
                          struct lines *in)
{
    struct seal seal;
    struct buf frame = {0};
    struct err e = seal_open(&seal, spool, request->zstd);
    if (!err_is(&e))
        e = write_frames(in, &frame, &seal);
    buf_free(&frame);
    if (!err_is(&e) && seal.frames == 0)
        e = err_make(ERR_SEGMENT, "%s holds no frame: nothing was put", in->name);
    if (!err_is(&e))
        e = seal_publish(&seal, spool, request->gate, request->name);
    if (!err_is(&e)) {
        struct buf path = {0};
        cli_put_segment(&path, spool, request->gate, request->name);
        (void)fputs(buf_cstr(&path), stdout);
        buf_free(&path);
    }
    seal_close(&seal);
    return e;
}

static struct err put(const struct spool *spool, const struct request *request, struct lines *in)
{
    if (!request->every[0])
        return put_one(spool, request, in);
    struct follow follow = {.spool = spool,
                            .gate = request->gate,
                            .prefix = request->name,
                            .zstd = request->zstd,
                            .cut = request->cut};
    struct err e = follow_run(&follow, in);
    cut_free(&follow.cut);
    return e;
}

/* Only a gate's folder is the manifests' affair: whoever writes to incoming/ needs none. */
static struct err put_into(const struct config *config, const struct request *request,
                           struct lines *in)
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
    struct lines in = {.fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC),
                       .name = is_stdin ? "stdin" : path,
                       .limits = &config->limits};
    if (in.fd < 0)
        return err_system(ERR_USAGE, errno, "can't open %s", path);
    struct err e = put_into(config, request, &in);
    lines_free(&in);
    if (!is_stdin)
        (void)close(in.fd);
    return e;
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

/* Each segment's name is PREFIX-ID.msgpack.zst, as long as a name may be. */
static struct err check_prefix(const char *prefix)
{
    enum { REST = UUID_TEXT + sizeof ".msgpack.zst" };
    if (!*prefix || *prefix == '.' || strchr(prefix, '/') || strlen(prefix) + REST > NAME_BYTES)
        return err_make(ERR_USAGE,
                        "`%s` can't begin the names of segments: with --seal-every, --name is what "
                        "they begin with; it has no '/', and no dot in front",
                        prefix);
    return ERR_OK;
}

static struct err check(struct request *request)
{
    for (size_t i = 0; i < CLI_MANY && request->every[i]; i++)
        TRY(cut_rule(&request->cut, request->every[i]));
    return request->every[0] ? check_prefix(request->name)
                             : check_name(request->name, request->zstd);
}

static void make_name(struct request *request, char made[64])
{
    char id[UUID_TEXT];
    struct uuid unique = uuid_new();
    (void)snprintf(made, 64, "put-%s.msgpack%s", uuid_format(&unique, id),
                   request->zstd ? ".zst" : "");
    request->name = request->every[0] ? "put" : made;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request request = {.gate = SPOOL_DEFAULT_GATE};
    char made[64];
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_SPOOL(common),
        {'g', "gate", "NAME", "the gate's folder; default: incoming/ itself", &request.gate, NULL},
        {'z', "zstd", NULL, "compress", NULL, &request.zstd},
        {'o', "name", "NAME",
         "the segment's name; default: one that nobody else has; with --seal-every: what names "
         "begin with",
         &request.name, NULL},
        {0, "seal-every", "TIME|SIZE...",
         "follow the input: a segment whenever so much time has passed, or so many bytes came",
         request.every, NULL},
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_put, options, &argc, &argv, &code))
        return code;
    if (argc > 1)
        return cli_usage(&cli_put, "one input at most");
    if (!name_is_gate(request.gate))
        return cli_usage(&cli_put, "a gate's name is made of a-z, 0-9, _ and -");
    if (!request.name)
        make_name(&request, made);
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = check(&request);
    if (!err_is(&e))
        e = put_from(&config, &request, argc == 1 ? argv[0] : NULL);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_put = {
    .name = "put",
    .arguments = "[FILE|-]",
    .summary = "JSON lines in, one sealed segment out; prints its path",
    .details =
        "Every line is one frame: an object with `kind`, which names its stream, and the "
        "stream's keys.\n"
        "The segment appears in incoming/ whole, synced and sealed, or, when a line is "
        "wrong, not at\n"
        "all (65, with the line and column).\n\n"
        "  echo "
        "'{\"kind\":\"event\",\"ts\":\"2026-11-21T12:00:00Z\",\"source\":\"me\",\"type\":"
        "\"hello\"}' |\n"
        "      spoolgate put --zstd\n\n"
        "--seal-every follows a pipe, and makes a segment whenever the time since its first line "
        "has\n"
        "passed, or the size is reached; both may be given (without a size it is 16 MiB). SIGHUP "
        "seals\n"
        "at once; the end of the input, SIGTERM and SIGINT seal the rest and end. A wrong line is "
        "told\n"
        "of and left out, and the end is 65. While the disk is full nothing more is read. What "
        "isn't\n"
        "sealed is in memory: kill -9 loses it.\n\n"
        "  tail -n 0 -F app.log.json | spoolgate put --seal-every 5s --seal-every 10MB -g logs\n",
    .run = run,
};
