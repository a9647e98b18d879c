-- A COMMIT that was answered is on the server's disk, and where a standby is asked for, on the standby's, whatever
-- the session is set to. What asks for more than that stays.
SELECT set_config('synchronous_commit', 'on', true)
 WHERE current_setting('synchronous_commit') <> 'remote_apply'
