/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/against.h"
#include "cli/commands.h"
#include "cli/show.h"
#include "kb/load.h"
#include "replay/handle.h"
#include "replay/jsonb.h"
#include "replay/segment.h"

enum { REJECTS_SHOWN = 20 };

struct inspection {
    bool frames, json;
    const char *gate;
    const struct stream_set *streams;
    const struct against *against; /* NULL: no database was asked */
    struct buf *rows;
    uint64_t *counts; /* by stream */
    const struct handler *handler;
    struct handler_batch *handled;
    bool takes_handled;
    uint64_t others; /* frames that the handler takes */
    uint64_t rejects_shown;
    struct buf rejects; /* JSON objects, comma-separated, or lines */
    struct jsonw rejects_json;
};

static void frame_json(struct buf *out, const struct frame *frame, const struct reject *reject)
{
    struct jsonw j = {.out = out};
    struct mp_cursor c = {frame->bytes, frame->bytes + frame->len};
    struct buf content = {0};
    uint32_t nulled = 0;
    const char *problem = jsonb_append(&content, &c, NULL, &nulled);
    jsonw_object(&j);
    jsonw_key(&j, "index");
    jsonw_int(&j, (int64_t)frame->index);
    jsonw_key(&j, "offset");
    jsonw_int(&j, (int64_t)frame->offset);
    jsonw_key(&j, "bytes");
    jsonw_int(&j, (int64_t)frame->len);
    if (reject) {
        jsonw_key(&j, "column");
        jsonw_str(&j, *reject->column ? reject->column : NULL);
        jsonw_key(&j, "reject");
        jsonw_str(&j, reject->reason);
    }
    jsonw_key(&j, "frame");
    jsonw_raw(&j, problem ? NULL : buf_cstr(&content));
    jsonw_end(&j);
    buf_free(&content);
}

static void show_frame(const struct frame *frame, const struct reject *reject)
{
    struct buf line = {0};
    frame_json(&line, frame, reject);
    (void)puts(buf_cstr(&line));
    buf_free(&line);
}

static bool on_row(void *context, const struct frame *frame, const struct copybin_row *row,
                   struct err *failure)
{
    struct inspection *in = context;
    (void)failure;
    in->counts[row->stream]++;
    buf_clear(&in->rows[row->stream]);
    if (in->frames)
        show_frame(frame, NULL);
    return true;
}

static bool on_reject(void *context, const struct frame *frame, const struct reject *reject,
                      struct err *failure)
{
    struct inspection *in = context;
    (void)failure;
    if (in->frames)
        show_frame(frame, reject);
    if (in->rejects_shown++ >= REJECTS_SHOWN)
        return true;
    if (in->json) {
        struct jsonw *j = &in->rejects_json;
        jsonw_object(j);
        jsonw_key(j, "index");
        jsonw_int(j, (int64_t)frame->index);
        jsonw_key(j, "offset");
        jsonw_int(j, (int64_t)frame->offset);
        jsonw_key(j, "column");
        jsonw_str(j, *reject->column ? reject->column : NULL);
        jsonw_key(j, "reason");
        jsonw_str(j, reject->reason);
        jsonw_end(j);
    } else {
        buf_printf(&in->rejects, "  frame %" PRIu64 " at byte %" PRIu64 ", %s: %s\n", frame->index,
                   frame->offset, *reject->column ? reject->column : "frame", reject->reason);
    }
    return true;
}

static bool on_other(void *context, const struct frame *frame, bool *refused, struct reject *reject,
                     struct err *failure)
{
    struct inspection *in = context;
    if (!in->takes_handled)
        *refused = !handle_refuse(reject);
    else if (!in->handler->inspect(in->handled, 0, frame, refused, reject, failure))
        return false;
    in->others += !*refused;
    if (in->frames && !*refused)
        show_frame(frame, NULL);
    return true;
}

static void against_json(struct jsonw *j, const struct against *a)
{
    jsonw_object(j);
    jsonw_key(j, "duplicate_of");
    jsonw_str(j, *a->duplicate_of ? a->duplicate_of : NULL);
    jsonw_key(j, "rows");
    jsonw_int(j, (int64_t)a->rows);
    jsonw_key(j, "frames_skipped");
    jsonw_int(j, (int64_t)a->skipped);
    jsonw_key(j, "partitions");
    jsonw_array(j);
    for (size_t i = 0; i < a->partition_count; i++)
        jsonw_str(j, a->partitions[i]);
    jsonw_end(j);
    jsonw_key(j, "refused");
    jsonw_array(j);
    for (size_t i = 0; i < a->refused_count; i++) {
        jsonw_object(j);
        jsonw_key(j, "index");
        jsonw_int(j, (int64_t)a->refused[i].index);
        jsonw_key(j, "offset");
        jsonw_int(j, (int64_t)a->refused[i].offset);
        jsonw_key(j, "reason");
        jsonw_str(j, a->refused[i].reject.reason);
        jsonw_key(j, "sqlstate");
        jsonw_str(j, a->refused[i].reject.sqlstate);
        jsonw_end(j);
    }
    jsonw_end(j);
    jsonw_end(j);
}

static void print_against(const struct against *a)
{
    char text[STR_MANY];
    (void)puts("in the database:");
    if (*a->duplicate_of)
        (void)printf("  these bytes were loaded before, by batch %s: they would be skipped\n",
                     a->duplicate_of);
    (void)printf("  %s would be loaded", str_many(a->rows, "row", text));
    if (a->skipped > 0)
        (void)printf(", %s skipped by %s stream's mode", str_many(a->skipped, "frame", text),
                     a->skipped == 1 ? "its" : "their");
    (void)printf("; %s would be made\n", str_many(a->partition_count, "partition", text));
    for (size_t i = 0; i < a->partition_count && i < REJECTS_SHOWN; i++)
        (void)printf("    %s\n", a->partitions[i]);
    (void)printf("  %s would be refused by the server\n", str_many(a->refused_count, "row", text));
    for (size_t i = 0; i < a->refused_count && i < REJECTS_SHOWN; i++)
        (void)printf("  frame %" PRIu64 " at byte %" PRIu64 ": %s (SQLSTATE %s)\n",
                     a->refused[i].index, a->refused[i].offset, a->refused[i].reject.reason,
                     a->refused[i].reject.sqlstate);
    if (a->refused_count > REJECTS_SHOWN)
        (void)printf("  ... and %s more\n", str_count(a->refused_count - REJECTS_SHOWN, text));
}

static void print_json(struct inspection *in, const char *path, const struct segment_summary *sum,
                       const struct err *e)
{
    char hex[HASH_HEX];
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_end(&in->rejects_json);
    jsonw_object(&j);
    jsonw_key(&j, "segment");
    jsonw_str(&j, path);
    jsonw_key(&j, "error");
    jsonw_str(&j, err_is(e) ? e->text : NULL);
    jsonw_key(&j, "bytes");
    jsonw_int(&j, (int64_t)sum->bytes);
    jsonw_key(&j, "bytes_raw");
    jsonw_int(&j, (int64_t)sum->bytes_raw);
    jsonw_key(&j, "sha256");
    jsonw_str(&j, err_is(e) ? NULL : hash_hex(sum->sha256, hex));
    jsonw_key(&j, "sealed");
    jsonw_bool(&j, sum->sealed);
    jsonw_key(&j, "frames");
    jsonw_int(&j, (int64_t)sum->frames);
    jsonw_key(&j, "frames_rejected");
    jsonw_int(&j, (int64_t)sum->rejected);
    jsonw_key(&j, "keys_ignored");
    jsonw_int(&j, (int64_t)sum->keys_ignored);
    jsonw_key(&j, "numbers_nulled");
    jsonw_int(&j, (int64_t)sum->numbers_nulled);
    jsonw_key(&j, "ts_min");
    jsonw_time(&j, sum->ts_min_us == INT64_MAX ? INT64_MIN : sum->ts_min_us);
    jsonw_key(&j, "ts_max");
    jsonw_time(&j, sum->ts_max_us);
    jsonw_key(&j, "streams");
    jsonw_object(&j);
    for (size_t i = 0; i < in->streams->count; i++) {
        jsonw_key(&j, in->streams->streams[i].name);
        jsonw_int(&j, (int64_t)in->counts[i]);
    }
    jsonw_key(&j, HANDLER_NAME);
    jsonw_int(&j, (int64_t)in->others);
    jsonw_end(&j);
    jsonw_key(&j, "rejects");
    jsonw_raw(&j, buf_cstr(&in->rejects));
    if (in->against) {
        jsonw_key(&j, "against");
        against_json(&j, in->against);
    }
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

static void print_text(struct inspection *in, const char *path, const struct segment_summary *sum,
                       const struct err *e)
{
    char hex[HASH_HEX];
    char name[SHOW_CELL];
    char a[STR_MANY];
    char b[STR_HUMAN];
    char from[TIME_TEXT];
    char to[TIME_TEXT];
    (void)printf("%s\n", path);
    if (err_is(e)) {
        (void)printf("  can't be loaded: %s\n", e->text);
        return;
    }
    (void)printf("  %s on disk, %s raw, sha256 %s\n", str_size(sum->bytes, a),
                 str_size(sum->bytes_raw, b), hash_hex(sum->sha256, hex));
    (void)printf("  %s, %s; %s would be rejected\n", str_many(sum->frames, "frame", a),
                 sum->sealed ? "sealed" : "not sealed", str_count(sum->rejected, b));
    for (size_t i = 0; i < in->streams->count; i++)
        if (in->counts[i] > 0)
            (void)printf("  %s %s\n", show_cell(in->streams->streams[i].name, 12, name),
                         str_many(in->counts[i], "row", a));
    if (in->others > 0)
        (void)printf("  %-12s %s\n", HANDLER_NAME, str_many(in->others, "frame", a));
    if (sum->ts_min_us != INT64_MAX)
        (void)printf("  from %s to %s\n", time_format(sum->ts_min_us, from),
                     time_format(sum->ts_max_us, to));
    if (sum->keys_ignored > 0)
        (void)printf("  %s that no column takes\n", str_many(sum->keys_ignored, "key", a));
    if (sum->numbers_nulled > 0)
        (void)printf("  %s NaN or Inf in jsonb, to be null\n", str_count(sum->numbers_nulled, a));
    (void)fputs(buf_cstr(&in->rejects), stdout);
    if (in->rejects_shown > REJECTS_SHOWN)
        (void)printf("  ... and %s more\n", str_count(in->rejects_shown - REJECTS_SHOWN, a));
    if (in->against)
        print_against(in->against);
}

/* A folder alone makes a gate, too, and goes by the default rules. */
static bool is_gate(const struct config *config, const struct manifest *set, const char *gate)
{
    bool known = strcmp(gate, SPOOL_DEFAULT_GATE) == 0 || manifest_gate(set, gate);
    for (size_t i = 0; i < config->gate_count; i++)
        known = known || strcmp(config->gates[i].name, gate) == 0;
    return known;
}

static struct err inspect(const struct config *config, struct manifest_current *current,
                          bool database, const char *path, struct inspection *in)
{
    struct copybin encoder;
    struct segment_summary sum;
    struct uuid nobody = {{0}};
    struct manifest *set = manifest_current_get(current);
    if (!is_gate(config, set, in->gate)) {
        manifest_release(set);
        return err_make(ERR_USAGE, "there is no gate `%s`", in->gate);
    }
    struct gate_terms terms = manifest_gate_terms(set, in->gate);
    size_t streams = set->streams.count;
    in->streams = &set->streams;
    in->rows = mem_calloc(streams, sizeof *in->rows);
    in->counts = mem_calloc(streams, sizeof *in->counts);
    in->rejects_json = (struct jsonw){.out = &in->rejects};
    if (in->json)
        jsonw_array(&in->rejects_json);
    copybin_open(&encoder, &set->streams, &nobody, time_now(), (enum nul_rule)terms.rules->nul);
    encoder.allowed = terms.allowed;
    struct kb_context kb;
    const struct load_terms rules = {.rules = terms.rules};
    kb_context_open(&kb, config);
    in->handler = kb_handler(&kb);
    in->handled = in->handler->begin(&kb, &rules);
    in->takes_handled = terms.takes_handled;
    encoder.elsewhere = in->handler->takes;
    struct buf name = {0};
    const char *slash = strrchr(path, '/');
    str_percent_encode(&name, slash ? slash + 1 : path);
    encoder.segment = buf_cstr(&name);
    struct segment_tools tools = {0};
    struct segment_walk walk = {.tools = &tools,
                                .encoder = &encoder,
                                .limits = &config->limits,
                                .rows = in->rows,
                                .on_row = on_row,
                                .on_reject = on_reject,
                                .on_other = on_other,
                                .context = in};
    struct err e = segment_walk(&walk, AT_FDCWD, path, &sum);
    struct against against = {0};
    if (!err_is(&e) && database) {
        e = against_try(&against, config, current, in->gate, path);
        in->against = err_is(&e) ? NULL : &against;
    }
    if (in->json && !in->frames)
        print_json(in, path, &sum, &e);
    else if (!in->frames && (!err_is(&e) || e.cls == ERR_SEGMENT))
        print_text(in, path, &sum, &e);
    against_free(&against);
    in->handler->end(in->handled);
    kb_context_close(&kb);
    copybin_close(&encoder);
    buf_free(&name);
    segment_tools_close(&tools);
    for (size_t i = 0; i < streams; i++)
        buf_free(&in->rows[i]);
    free(in->rows);
    free(in->counts);
    buf_free(&in->rejects);
    manifest_release(set);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct inspection in = {.gate = SPOOL_DEFAULT_GATE};
    struct manifest_current current = {0};
    const char *against = NULL;
    const struct cli_option options[] = {
        CLI_CONFIG(common),
        CLI_MANIFESTS(common),
        {'g', "gate", "NAME", "judge by this gate's rules; default: `default`", &in.gate, NULL},
        {0, "against", "CONNINFO", "try it out in this database, and roll that back", &against,
         NULL},
        {0, "frames", NULL, "every frame as a line of JSON, with its verdict", NULL, &in.frames},
        CLI_JSON(in.json),
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_inspect, options, &argc, &argv, &code))
        return code;
    if (argc != 1)
        return cli_usage(&cli_inspect, "one segment is wanted");
    struct err e = cli_config(&common, &config);
    if (!err_is(&e) && against) {
        e = config_override(&config, "database", against);
        log_configure((enum log_format)config.log_format, LOG_LEVEL_WARN); /* a trial is no event */
    }
    if (!err_is(&e))
        e = cli_manifests(&config, &current);
    if (!err_is(&e))
        e = inspect(&config, &current, against != NULL, argv[0], &in);
    manifest_current_close(&current);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_inspect = {
    .name = "inspect",
    .arguments = "SEGMENT",
    .summary = "verify a segment without loading it",
    .details = "Reads every byte as the loader would: counts, hash, time range, and which frames "
               "would be\n"
               "rejected and why. Exits 65 when the segment can't be loaded at all.\n\n"
               "--against also asks a database, which needs the rights to load: rows that it would "
               "refuse, partitions\nthat would be made. That is a load in a transaction which is "
               "rolled back: nothing of it stays.\n\n"
               "  spoolgate inspect spool/failed/*/bad.msgpack\n"
               "  spoolgate inspect --frames a.msgpack.zst | head -3\n",
    .run = run,
};
