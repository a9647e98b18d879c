/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"
#include "base/uuid.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/show.h"
#include "index/index.h"
#include "spool/name.h"

enum { SKIPS_SHOWN = 20 };

/* ---- output ---- */

static void show_progress(void *context, const struct index_progress *so_far)
{
    struct progress *p = context;
    char files[STR_HUMAN];
    char of[STR_MANY];
    char bytes[STR_HUMAN];
    char rate[STR_HUMAN];
    char text[160];
    if (!progress_is_due(p))
        return;
    (void)snprintf(text, sizeof text, "%s of %s  %s  %s/s", str_count(so_far->files, files),
                   str_many(so_far->of, "file", of), str_size(so_far->bytes, bytes),
                   str_size(progress_rate(p, so_far->bytes), rate));
    progress_show(p, so_far->files, so_far->of, text);
}

static void json_path(struct jsonw *j, const char *key, const char *path)
{
    struct buf text = {0};
    str_percent_encode(&text, path);
    jsonw_key(j, key);
    jsonw_str(j, buf_cstr(&text));
    buf_free(&text);
}

static void json_notes(struct jsonw *j, const struct index_result *r)
{
    jsonw_array(j);
    for (size_t i = 0; i < r->note_count; i++) {
        const struct index_note *n = &r->notes[i];
        jsonw_object(j);
        jsonw_key(j, "what");
        jsonw_str(j, index_what_names[n->what]);
        json_path(j, "path", n->path);
        if (n->what == INDEX_RENAME)
            json_path(j, "before", n->detail);
        if (n->what == INDEX_SKIP) {
            jsonw_key(j, "why");
            jsonw_str(j, n->detail);
        }
        jsonw_end(j);
    }
    jsonw_end(j);
}

static void json_counts(struct jsonw *j, const struct index_result *r)
{
    static const char *const keys[] = {"added", "edited", "renamed", "deleted", "skipped"};
    for (int i = 0; i < INDEX_WHATS; i++) {
        jsonw_key(j, keys[i]);
        jsonw_int(j, (int64_t)r->counts[i]);
    }
    jsonw_key(j, "bytes");
    jsonw_int(j, (int64_t)r->bytes);
}

static void print_json(const struct index_result *r)
{
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_object(&j);
    jsonw_key(&j, "source");
    jsonw_str(&j, r->source);
    jsonw_key(&j, "commit");
    jsonw_str(&j, r->is_repository ? r->commit : NULL);
    jsonw_key(&j, "previous");
    jsonw_str(&j, *r->previous ? r->previous : NULL);
    jsonw_key(&j, "remark");
    jsonw_str(&j, *r->remark ? r->remark : NULL);
    json_counts(&j, r);
    jsonw_key(&j, "segments");
    jsonw_array(&j);
    for (size_t i = 0; i < r->segment_count; i++)
        jsonw_str(&j, r->segments[i]);
    jsonw_end(&j);
    jsonw_key(&j, "notes");
    json_notes(&j, r);
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

static void print_notes(const struct index_result *r)
{
    uint64_t skips = 0;
    for (size_t i = 0; i < r->note_count; i++) {
        const struct index_note *n = &r->notes[i];
        char path[SHOW_CLIP];
        char detail[SHOW_CLIP];
        if (n->what == INDEX_SKIP && skips++ >= SKIPS_SHOWN)
            continue;
        (void)printf("%-6s  %s%s%s\n", index_what_names[n->what],
                     show_clip(n->path, SHOW_CLIP_MOST, path),
                     n->what == INDEX_RENAME ? "  was  "
                     : n->detail             ? ": "
                                             : "",
                     n->detail ? show_clip(n->detail, SHOW_CLIP_MOST, detail) : "");
    }
    if (r->counts[INDEX_SKIP] > SKIPS_SHOWN)
        (void)printf("skip    ... and %" PRIu64 " more\n", r->counts[INDEX_SKIP] - SKIPS_SHOWN);
}

static void print_source(const struct index_result *r)
{
    (void)fputs(r->source, stdout);
    if (r->is_repository)
        (void)printf(" at %.12s", r->commit);
    if (*r->previous)
        (void)printf(", last %.12s", r->previous);
    (void)puts("");
    if (*r->remark)
        (void)printf("  %s\n", r->remark);
}

static void print_text(const struct index_result *r, const struct spool *spool, bool is_dry)
{
    char n[INDEX_WHATS][STR_HUMAN];
    char bytes[STR_HUMAN];
    char many[STR_MANY];
    for (int i = 0; i < INDEX_WHATS; i++)
        (void)str_count(r->counts[i], n[i]);
    for (size_t i = 0; i < r->segment_count; i++)
        (void)printf("%s/%s\n", spool->path, r->segments[i]);
    print_notes(r);
    print_source(r);
    if (r->is_repository)
        (void)printf("  %s added, %s edited, %s renamed, %s deleted", n[INDEX_ADD], n[INDEX_EDIT],
                     n[INDEX_RENAME], n[INDEX_DELETE]);
    else
        (void)printf("  %s", str_many(r->counts[INDEX_ADD], "file", many));
    (void)printf(", %s skipped; ", n[INDEX_SKIP]);
    (void)str_size(r->bytes, bytes);
    if (is_dry)
        (void)printf("nothing is written; it would be %s\n", bytes);
    else
        (void)printf("%s in %s\n", bytes, str_many(r->segment_count, "segment", many));
}

/* ---- the command ---- */

struct request {
    struct index_request index;
    const char *include[CLI_MANY + 1], *exclude[CLI_MANY + 1];
    bool json;
};

/* Nothing is sent that would only be rejected. */
static struct err require_taker(const struct config *config, struct cli_site *site,
                                const char *gate)
{
    if (!config->knowledge.is_on)
        return err_make(ERR_CONFIG, "knowledge.enabled is false: documents would be rejected");
    TRY(cli_require_gate(site, gate));
    struct manifest *set = manifest_current_get(&site->current);
    bool takes = manifest_gate_terms(set, gate).takes_handled;
    manifest_release(set);
    return takes ? ERR_OK
                 : err_make(ERR_USAGE,
                            "gate %s doesn't take documents: add `knowledge` to its streams, or "
                            "name another gate",
                            gate);
}

static struct err act(const struct config *config, struct request *r)
{
    struct cli_site site;
    struct progress progress;
    struct index_result result;
    TRY(cli_open_site(config, true, &site));
    struct err e = require_taker(config, &site, r->index.gate);
    if (err_is(&e)) {
        cli_close_site(&site);
        return e;
    }
    r->index.spool = &site.spool;
    r->index.limits = &config->limits;
    r->index.target = (struct pg_target){config->database, config->schema};
    r->index.selection.include = r->include;
    r->index.selection.exclude = r->exclude;
    r->index.selection.most = config->limits.string_bytes;
    r->index.progress = show_progress;
    r->index.context = &progress;
    progress_open(&progress, "indexing");
    e = index_run(&r->index, &result);
    progress_close(&progress);
    if (!err_is(&e) && r->json)
        print_json(&result);
    else if (!err_is(&e))
        print_text(&result, &site.spool, r->index.is_dry);
    index_result_free(&result);
    cli_close_site(&site);
    return e;
}

/* One that fits nothing would have a repository's documents retired, all of them. */
static const char *judge_pattern(const char *pattern)
{
    if (!pattern)
        return NULL;
    if (!*pattern)
        return "an empty pattern fits nothing";
    if (*pattern == '!')
        return "a pattern with ! before it takes nothing back here: that is what --exclude is for "
               "(\\! is the sign itself)";
    for (const char *p = pattern; *p; p += *p == '/') {
        size_t len = strcspn(p, "/");
        if ((len == 1 && *p == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
            return "a pattern with . or .. for a folder fits nothing: it begins at the top";
        p += len;
    }
    return NULL;
}

static const char *find_problem(const struct request *r, int operands)
{
    struct uuid id;
    if (operands != 1)
        return "one file, folder or repository is wanted";
    if (!name_is_gate(r->index.gate))
        return "a gate's name is made of a-z, 0-9, _ and -";
    if (r->index.pack_id && !uuid_parse(r->index.pack_id, &id))
        return "--pack wants a UUID";
    if (r->index.name && (!*r->index.name || r->index.name[strlen(r->index.name) - 1] == '/'))
        return "--name wants a name without a slash at its end";
    for (size_t i = 0; i < (size_t)2 * CLI_MANY; i++) {
        const char *pattern = i < CLI_MANY ? r->include[i] : r->exclude[i - CLI_MANY];
        if (judge_pattern(pattern))
            return judge_pattern(pattern);
    }
    return NULL;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct request r = {.index.gate = SPOOL_DEFAULT_GATE};
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "rev", "REV", "of a repository: a branch, tag or commit; default: HEAD", &r.index.rev,
         NULL},
        {'i', "include", "GLOB...", "only what fits one of these: docs, *.md, src/**/*.h",
         r.include, NULL},
        {'x', "exclude", "GLOB...", "not what fits one of these", r.exclude, NULL},
        {0, "hidden", NULL, "files and folders that begin with a dot, too", NULL,
         &r.index.selection.is_hidden},
        {0, "name", "NAME", "a repository's name in uris; default: its folder", &r.index.name,
         NULL},
        {'g', "gate", "NAME", "the gate's folder; default: incoming/ itself", &r.index.gate, NULL},
        {0, "pack", "UUID", "pack_id of the chunks", &r.index.pack_id, NULL},
        {'a', "all", NULL, "of a repository: every file, not only what changed", NULL,
         &r.index.is_all},
        {'n', "dry-run", NULL, "list what would be sent; write nothing", NULL, &r.index.is_dry},
        CLI_JSON(r.json),
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_index, options, &argc, &argv, &code))
        return code;
    const char *problem = find_problem(&r, argc);
    if (problem)
        return cli_usage(&cli_index, problem);
    r.index.path = argv[0];
    struct err e = cli_config(&common, &config);
    if (!err_is(&e))
        e = act(&config, &r);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(0);
}

const struct cli_command cli_index = {
    .name = "index",
    .arguments = "PATH|GITREPO",
    .summary = "files, or what changed in a git repository, into document segments",
    .details =
        "Writes `document` frames for the knowledge base into the spool, sealed and compressed. "
        "Text only:\n"
        "UTF-8 without NUL, up to limits.string; what isn't is listed as skipped. Links are not "
        "followed,\n"
        "and hidden files left out.\n\n"
        "A folder that is a git repository (bare, or the top of a work tree) is read at a "
        "revision, from its\n"
        "objects. The database knows how far it was indexed: only what was added, edited, renamed "
        "and deleted\n"
        "since is sent. With other patterns than the last time, documents come in and fall out.\n\n"
        "  spoolgate index /usr/share/doc/postgresql-doc-15/html\n"
        "  spoolgate index --include '*.md' --name handbook /srv/handbook.git\n",
    .run = run,
};
