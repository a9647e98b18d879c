-- What holds for the transactions of a deliverer. Whether COMMIT waits for the disk; and plans that go by index, made once:
-- a queue's size is another one each minute, and a plan that reads all of it costs every sink the time of the worst.
--   $1 synchronous_commit
SELECT set_config('synchronous_commit', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)
