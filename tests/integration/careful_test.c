/* SPDX-License-Identifier: MIT */
#include "replay/careful.h"

#include "bytes.h"
#include "database.h"
#include "stream/ddl.h"

static const struct column columns[] = {{.name = "id",
                                         .type = COLUMN_INT8,
                                         .path = (const char *const[]){"id"},
                                         .path_count = 1,
                                         .required = true}};
static const struct stream lines = {.name = "line",
                                    .kind = "line",
                                    .table = "lines",
                                    .columns = columns,
                                    .column_count = COUNT(columns),
                                    .mode = STREAM_APPEND,
                                    .version = STREAM_NO_COLUMN,
                                    .time_column = STREAM_NO_COLUMN};
static const struct stream_set set = {&lines, 1};

static struct database db;
static struct stages stages;
static struct copier copier;
static struct careful careful;
static atomic_bool stop;
static int refusals;

static struct err refuse(void *context, size_t segment, const struct frame *frame,
                         const struct reject *reject)
{
    (void)context;
    (void)segment;
    (void)frame;
    cr_expect_str_eq(reject->sqlstate, "23503");
    refusals++;
    atomic_store(&stop, true);
    return ERR_OK;
}

static void set_up(void)
{
    struct buf command = {0};
    database_open(&db, false);
    EXPECT_OK(pg_exec(&db.pg, "CREATE TABLE orders (id int8 PRIMARY KEY);"
                              "CREATE TABLE lines (id int8 REFERENCES orders)"));
    stages_open(&stages, &db.pg, &set);
    copier_open(&copier, &db.pg, 1);
    ddl_copy(&command, &lines);
    copier_name(&copier, 0, buf_cstr(&command));
    buf_free(&command);
    careful_open(&careful, &db.pg, &copier, &stages, refuse, NULL);
}

static void tear_down(void)
{
    careful_close(&careful);
    copier_close(&copier);
    stages_close(&stages);
    database_close(&db);
}

TestSuite(careful, .init = set_up, .fini = tear_down, .timeout = 60);

static void add(uint64_t id)
{
    const struct frame frame = {.bytes = (const uint8_t *)"frame", .len = 5, .index = id};
    struct buf row = {0};
    buf_be16(&row, 1);
    buf_be32(&row, 8);
    buf_be64(&row, id);
    EXPECT_OK(careful_add(&careful, 0, &row, 0, &frame, INT64_MIN));
    buf_free(&row);
}

/* The rows that want others are tried when all frames have been read. */
Test(careful, a_stop_is_heard_while_rows_that_waited_are_tried)
{
    careful.stop = &stop;
    EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
    for (uint64_t id = 1; id <= 100; id++)
        add(id);
    EXPECT_ERR(careful_finish(&careful), ERR_STOPPED, "asked to stop");
    cr_expect_eq(refusals, 1, "want 1 refusal, got %d", refusals);
}

/* Small rows weigh little themselves; what is kept of each beside them counts, too. */
Test(careful, what_waits_counts_with_all_that_is_kept_of_it)
{
    EXPECT_OK(pg_exec(&db.pg, "BEGIN"));
    for (uint64_t id = 1; id <= 1000; id++) /* a block */
        add(id);
    cr_expect_eq(careful.later_rows, 1000, "got %zu", careful.later_rows);
    cr_expect_geq(careful.later_bytes, 1000 * (5 + 14 + 4 * sizeof(uint64_t)), "got %zu",
                  careful.later_bytes);
}
