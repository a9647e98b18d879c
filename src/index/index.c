/* SPDX-License-Identifier: MIT */
#include "index/index.h"

#include <stdlib.h>

#include "index/job.h"

const char *const index_what_names[] = {"add", "edit", "rename", "delete", "skip", NULL};

struct err index_run(const struct index_request *request, struct index_result *result)
{
    struct job job = {.request = request, .result = result};
    struct gitrepo repo = {0};
    *result = (struct index_result){0};
    struct err e = gitrepo_open_if(&repo, request->path, &result->is_repository);
    if (!err_is(&e) && !result->is_repository && (request->rev || request->name))
        e = err_make(ERR_USAGE, "%s is no git repository: --rev and --name are for those",
                     request->path);
    if (!err_is(&e))
        e = result->is_repository ? index_repository(&job, &repo) : index_folder(&job);
    job_end(&job);
    gitrepo_close(&repo);
    return e;
}

void index_result_free(struct index_result *result)
{
    for (size_t i = 0; i < result->note_count; i++) {
        free(result->notes[i].path);
        free(result->notes[i].detail);
    }
    for (size_t i = 0; i < result->segment_count; i++)
        free(result->segments[i]);
    free(result->notes);
    free(result->segments);
    free(result->source);
    *result = (struct index_result){0};
}
