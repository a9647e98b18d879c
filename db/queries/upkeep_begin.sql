-- Less than what the making of a partition waits for (partition_lock): it may have to wait for us.
SET lock_timeout = '2s'
