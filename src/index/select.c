/* SPDX-License-Identifier: MIT */
#include "index/select.h"

#include <jansson.h>
#include <string.h>

#include "base/jsonw.h"
#include "base/str.h"
#include "index/glob.h"

static bool any_matches(const char *const *patterns, const char *path, bool is_folder)
{
    for (; patterns && *patterns; patterns++)
        if (glob_matches(*patterns, path, is_folder))
            return true;
    return false;
}

static bool is_hidden(const char *path)
{
    return *path == '.' || strstr(path, "/.");
}

bool selection_takes(const struct selection *s, const char *path)
{
    bool is_included = !s->include || !*s->include || any_matches(s->include, path, false);
    return is_included && (s->is_hidden || !is_hidden(path)) &&
           !any_matches(s->exclude, path, false);
}

bool selection_enters(const struct selection *s, const char *folder)
{
    return (s->is_hidden || !is_hidden(folder)) && !any_matches(s->exclude, folder, true);
}

/* ---- as text ---- */

static void print_patterns(struct jsonw *j, const char *key, const char *const *patterns)
{
    jsonw_key(j, key);
    jsonw_array(j);
    for (; patterns && *patterns; patterns++) {
        struct buf encoded = {0};
        str_percent_encode(&encoded, *patterns);
        jsonw_str(j, buf_cstr(&encoded));
        buf_free(&encoded);
    }
    jsonw_end(j);
}

void selection_print(const struct selection *s, struct buf *out)
{
    struct jsonw j = {.out = out};
    jsonw_object(&j);
    print_patterns(&j, "include", s->include);
    print_patterns(&j, "exclude", s->exclude);
    jsonw_key(&j, "hidden");
    jsonw_bool(&j, s->is_hidden);
    jsonw_key(&j, "most");
    jsonw_int(&j, (int64_t)s->most);
    jsonw_end(&j);
}

static bool read_patterns(struct arena *a, const json_t *list, const char *const **patterns)
{
    size_t count = json_array_size(list);
    const char **read = arena_alloc(a, (count + 1) * sizeof *read);
    *patterns = read;
    for (size_t i = 0; i < count; i++) {
        struct buf pattern = {0};
        const char *encoded = json_string_value(json_array_get(list, i));
        bool is_good = encoded && str_percent_decode(encoded, &pattern);
        if (is_good)
            read[i] = arena_strdup(a, buf_cstr(&pattern));
        buf_free(&pattern);
        if (!is_good)
            return false;
    }
    return json_is_array(list);
}

struct err selection_read(struct selection *s, const char *text)
{
    *s = (struct selection){0};
    json_t *recorded = json_loads(text, 0, NULL);
    const json_t *most = json_object_get(recorded, "most");
    bool is_good = json_is_integer(most) && json_integer_value(most) >= 0 &&
                   read_patterns(&s->arena, json_object_get(recorded, "include"), &s->include) &&
                   read_patterns(&s->arena, json_object_get(recorded, "exclude"), &s->exclude);
    s->is_hidden = json_is_true(json_object_get(recorded, "hidden"));
    s->most = is_good ? (uint64_t)json_integer_value(most) : 0;
    json_decref(recorded);
    if (is_good)
        return ERR_OK;
    selection_free(s);
    return err_make(ERR_CONFIG,
                    "pmoves_kb.repository has a selection that isn't ours; `spoolgate index --all` "
                    "writes it anew");
}

void selection_free(struct selection *s)
{
    arena_free(&s->arena);
    *s = (struct selection){0};
}
