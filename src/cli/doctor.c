/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/show.h"
#include "daemon/control.h"
#include "doctor/doctor.h"
#include "spool/scan.h"

#define BATCHES_CHECKED "1000"
enum { WRONG = 1 }; /* the exit code that monitors wait for; no other command has it */

/* ---- output ---- */

static void json_findings(struct jsonw *j, const struct findings *f)
{
    jsonw_array(j);
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *item = &f->items[i];
        jsonw_object(j);
        jsonw_key(j, "code");
        jsonw_str(j, finding_code_name(item->code));
        jsonw_key(j, "severity");
        jsonw_str(j, finding_severity_name(finding_severity_of(item->code)));
        jsonw_key(j, "batch");
        jsonw_str(j, *item->batch ? item->batch : NULL);
        jsonw_key(j, "file");
        jsonw_str(j, item->file);
        jsonw_key(j, "text");
        jsonw_str(j, item->text);
        jsonw_key(j, "fix");
        jsonw_str(j, item->fix);
        jsonw_end(j);
    }
    jsonw_end(j);
}

/* How many of each code there were: `findings` lists the first of them only. */
static void json_counts(struct jsonw *j, const struct findings *f)
{
    jsonw_object(j);
    for (size_t code = 0; code < FINDING_CODE_COUNT; code++)
        if (f->totals[code] > 0) {
            jsonw_key(j, finding_code_name((enum finding_code)code));
            jsonw_int(j, (int64_t)f->totals[code]);
        }
    jsonw_end(j);
}

static void print_json(const struct doctor *d)
{
    const struct doctor_checked *c = &d->checked;
    const struct {
        const char *key;
        uint64_t value;
    } checked[] = {{"waiting", c->waiting},
                   {"processing", c->processing},
                   {"failed", c->failed},
                   {"archived", c->archived},
                   {"receipts", c->receipts}};
    struct buf text = {0};
    struct jsonw j = {.out = &text};
    jsonw_object(&j);
    jsonw_key(&j, "findings");
    json_findings(&j, &d->findings);
    jsonw_key(&j, "counts");
    json_counts(&j, &d->findings);
    jsonw_key(&j, "checked");
    jsonw_object(&j);
    for (size_t i = 0; i < sizeof checked / sizeof *checked; i++) {
        jsonw_key(&j, checked[i].key);
        jsonw_int(&j, (int64_t)checked[i].value);
    }
    jsonw_key(&j, "database");
    jsonw_bool(&j, c->database);
    jsonw_key(&j, "complete");
    jsonw_bool(&j, c->complete);
    jsonw_key(&j, "in_use");
    jsonw_bool(&j, d->in_use);
    jsonw_end(&j);
    jsonw_end(&j);
    (void)puts(buf_cstr(&text));
    buf_free(&text);
}

static void print_code(const struct findings *f, enum finding_code code)
{
    char more[STR_HUMAN];
    uint64_t shown = 0;
    (void)printf("%s  %s\n", finding_code_name(code), finding_heading(code));
    for (size_t i = 0; i < f->count; i++) {
        const struct finding *item = &f->items[i];
        const char *what = item->file ? item->file : item->batch;
        if (item->code != code)
            continue;
        shown++;
        (void)printf("    %s%s%s\n", what, *what ? ": " : "", item->text);
        if (item->fix)
            (void)printf("        -> %s\n", item->fix);
    }
    if (shown < f->totals[code])
        (void)printf("    ... and %s more\n", str_count(f->totals[code] - shown, more));
}

static void print_verdict(const struct doctor *d)
{
    char n[FINDING_SEVERITIES][STR_HUMAN];
    uint64_t counts[FINDING_SEVERITIES];
    for (int s = 0; s < FINDING_SEVERITIES; s++)
        counts[s] = findings_of_severity(&d->findings, (enum finding_severity)s);
    if (findings_are_wrong(&d->findings))
        (void)printf("%s lost, %s odd, %s owed", str_count(counts[FINDING_LOST], n[FINDING_LOST]),
                     str_count(counts[FINDING_ODD], n[FINDING_ODD]),
                     str_count(counts[FINDING_OWED], n[FINDING_OWED]));
    else
        (void)fputs("Nothing is wrong", stdout);
    if (counts[FINDING_INFO] > 0)
        (void)printf("; %s to know", str_count(counts[FINDING_INFO], n[FINDING_INFO]));
    (void)puts(d->checked.complete ? "." : ", as far as that could be checked.");
}

static void print_text(const struct doctor *d)
{
    const struct doctor_checked *c = &d->checked;
    char n[3][STR_MANY];
    for (int s = 0; s < FINDING_SEVERITIES; s++) {
        const char *name = finding_severity_name((enum finding_severity)s);
        if (findings_of_severity(&d->findings, (enum finding_severity)s) == 0)
            continue;
        for (size_t code = 0; code < FINDING_CODE_COUNT; code++)
            if (d->findings.totals[code] > 0 &&
                (int)finding_severity_of((enum finding_code)code) == s) {
                (void)printf("%-4s  ", name);
                print_code(&d->findings, (enum finding_code)code);
            }
        (void)putchar('\n');
    }
    (void)printf("Checked: %s in incoming/, %s in processing/, %" PRIu64 " in failed/, %" PRIu64
                 " in archive/, %s%s.\n",
                 str_many(c->waiting, "segment", n[0]), str_many(c->processing, "batch", n[1]),
                 c->failed, c->archived, str_many(c->receipts, "receipt", n[2]),
                 d->in_use ? ", beside a running daemon" : "");
    print_verdict(d);
}

/* ---- the command ---- */

/* The batches that a daemon is about to load, or loading: of its answer to "status". */
static struct uuid *read_in_hand(const struct buf *answer, size_t *count)
{
    struct uuid *ids = NULL;
    size_t cap = 0;
    size_t i;
    json_t *job;
    json_t *status = json_loadb((const char *)answer->data, answer->len, 0, NULL);
    json_array_foreach(json_object_get(json_object_get(status, "board"), "loading"), i, job)
    {
        const char *state = show_str(job, "state");
        struct uuid id;
        if (strcmp(state, "held") != 0 && uuid_parse(show_str(job, "batch_id"), &id))
            *MEM_PUSH(ids, *count, cap) = id;
    }
    json_decref(status);
    return ids;
}

/* A drain has no socket, but the lock. We try that only where somebody's work in progress would
 * look like a finding, and give it back at once: a daemon that starts in that instant is refused.
 */
static struct err find_out_in_use(const struct spool *spool, struct doctor *d,
                                  struct uuid **in_hand)
{
    struct buf answer = {0};
    struct uuid *ids;
    size_t count;
    struct err e = control_ask(spool, "status", &answer, &d->in_use);
    if (!err_is(&e) && d->in_use)
        *in_hand = read_in_hand(&answer, &d->in_hand_count);
    d->in_hand = *in_hand;
    buf_free(&answer);
    if (err_is(&e) || d->in_use)
        return e;
    TRY(scan_batches(spool->processing, &ids, &count));
    free(ids);
    if (count == 0)
        return ERR_OK;
    struct spool probe;
    TRY(spool_open(&probe, spool->path, false));
    e = spool_lock(&probe);
    spool_close(&probe);
    d->in_use = d->is_drain = e.cls == ERR_BUSY;
    return d->in_use ? ERR_OK : e;
}

static struct err act(const struct config *config, struct doctor *d, bool fix)
{
    struct cli_site site;
    struct uuid *in_hand = NULL;
    TRY(cli_open_site(config, false, &site));
    struct err e = ERR_OK;
    d->current = &site.current;
    d->spool = &site.spool;
    if (!fix)
        e = find_out_in_use(d->spool, d, &in_hand);
    if (!err_is(&e))
        e = doctor_run(d, fix);
    free(in_hand);
    cli_close_site(&site);
    return e;
}

static int run(int argc, char **argv)
{
    struct cli_common common = {0};
    const char *batches = BATCHES_CHECKED;
    bool fix = false;
    bool json = false;
    const struct cli_option options[] = {
        CLI_COMMON(common),
        {0, "fix", NULL, "do what is safe; not beside a running daemon (75)", NULL, &fix},
        {'n', "batches", "N",
         "hold the last N receipts against ledger and rows; default " BATCHES_CHECKED, &batches,
         NULL},
        CLI_JSON(json),
        {0}};
    int code;
    struct config config;
    if (cli_parse(&cli_doctor, options, &argc, &argv, &code))
        return code;
    if (argc > 0)
        return cli_usage(&cli_doctor, "no arguments are taken");
    if (strspn(batches, "0123456789") != strlen(batches) || strlen(batches) > 9 || !*batches)
        return cli_usage(&cli_doctor, "--batches wants a number");
    struct err e = cli_config(&common, &config);
    if (err_is(&e)) {
        config_free(&config);
        return cli_fail(&e);
    }
    struct doctor d = {.config = &config, .batches = strtoull(batches, NULL, 10)};
    e = act(&config, &d, fix);
    bool has_looked = d.now_us != 0;
    if (has_looked && json)
        print_json(&d);
    else if (has_looked)
        print_text(&d);
    bool wrong = findings_are_wrong(&d.findings);
    doctor_free(&d);
    config_free(&config);
    return err_is(&e) ? cli_fail(&e) : cli_finish(wrong ? WRONG : 0);
}

const struct cli_command cli_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "reconcile spool, receipts, ledger and rows; tell what is wrong and what fixes it",
    .details =
        "Looks at this spool's batches and at nobody else's, changes nothing, and may run beside "
        "the\n"
        "daemon. Each finding has a code, and a severity: `lost` (something should be there and "
        "is\n"
        "not), `odd` (nobody of ours has done that), `owed` (the next run, or you, have still to "
        "do\n"
        "it), `info` (nothing wrong). Of each code the first 20 are listed and the others "
        "counted.\n\n"
        "--fix does what is safe: batches that are settled retire, claims without a receipt go "
        "back\n"
        "to incoming/, empty folders go, documents whose chunks are settled are completed. It "
        "needs\n"
        "the spool for itself: beside a daemon it only reports.\n\n"
        "Exit codes, for monitors: 0 nothing wrong (or fixed), 1 something is lost, odd or owed, "
        "69\n"
        "no database (the spool was checked), 75 --fix beside a daemon, 78 configuration, or a\n"
        "database that needs `spoolgate migrate`.\n\n"
        "  spoolgate doctor --json | jq '.findings[] | select(.severity == \"lost\")'\n",
    .run = run,
};
