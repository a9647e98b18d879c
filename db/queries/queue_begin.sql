-- What holds for the transactions of a deliverer: whether COMMIT waits for the disk, and plans that go by index. A plan
-- that reads the whole table would cost every sink the time of the one with the most waiting. Planning takes as long as
-- the statement, so plans are kept; but not those that were made while the table was small, when all seemed to be one.
--   $1 synchronous_commit
SELECT set_config('synchronous_commit', $1, true),
       set_config('plan_cache_mode', CASE WHEN pg_relation_size('event_delivery') < 1048576 THEN 'force_custom_plan'
                                          ELSE 'force_generic_plan' END, true),
       set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)
