-- The pipeline engine. Postgres advances pipelines by itself: when a task settles, a trigger inserts every stage whose
-- prerequisites have all settled, in the same transaction, and each pending task adds its graphile-worker job.
--
-- Lock order, everywhere: task rows by id -> subject rows by (pipeline, id) -> inserts of dependents -> jobs, in READ COMMITTED.
-- New task rows come only from functions that hold the subject's row.

-- The declared graph, written by the worker and the api at start ---------------------------------------------------

create table stages (
  pipeline text not null,
  name text not null,
  position int not null,
  description text not null default '',
  is_gate boolean not null default false,
  each_stage text,
  each_path text,
  max_attempts smallint not null default 3 check (max_attempts > 0),
  timeout_seconds real not null default 900 check (timeout_seconds > 0),
  queue text not null default 'light',
  weight real not null default 1 check (weight >= 0),
  milestone text,
  milestone_rank int,
  primary key (pipeline, name),
  check ((milestone is null) = (milestone_rank is null)),
  check ((each_stage is null) = (each_path is null))
);

create table stage_prerequisites (
  pipeline text not null,
  stage text not null,
  prerequisite text not null,
  is_optional boolean not null default false,
  primary key (pipeline, stage, prerequisite),
  foreign key (pipeline, stage) references stages on delete cascade,
  foreign key (pipeline, prerequisite) references stages on delete cascade
);
create index on stage_prerequisites (pipeline, prerequisite);

-- Subjects and tasks -------------------------------------------------------------------------------------------------

create table subjects (
  pipeline text not null,
  id bigint not null,
  event_seq bigint not null default 0,
  milestone text not null default 'pending',
  budget_usd_micros bigint check (budget_usd_micros >= 0),
  primary key (pipeline, id)
) with (fillfactor = 50);

-- No index mentions status, progress or worker: such an index would make every status change a non-HOT update.
-- No foreign key to subjects: rows come only from functions that hold the subject's row.
create table tasks (
  id bigint generated always as identity primary key,
  pipeline text not null,
  subject_id bigint not null,
  stage text not null,
  item text not null default '',
  status text not null default 'pending'
    check (status in ('pending', 'running', 'completed', 'failed', 'skipped', 'awaiting_review', 'canceled')),
  attempts smallint not null default 0,
  max_attempts smallint not null default 3,
  -- Fences settles: rises with every claim and is never reset, unlike attempts.
  runs int not null default 0,
  next_retry_at timestamptz,
  progress real not null default 0 check (progress between 0 and 1),
  output jsonb,
  error_message text,
  error_details jsonb,
  -- Why it was skipped or canceled.
  reason text,
  metadata jsonb not null default '{}',
  worker_id text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  settled_at timestamptz,
  unique (pipeline, subject_id, stage, item)
) with (fillfactor = 60);

-- What happened, in order, per subject. seq has no gaps, so a reader's cursor misses nothing.
create table task_events (
  pipeline text not null,
  subject_id bigint not null,
  seq bigint not null,
  -- Null for a milestone event.
  task_id bigint,
  stage text,
  item text,
  status text,
  attempts smallint,
  progress real,
  milestone text,
  at timestamptz not null default clock_timestamp(),
  primary key (pipeline, subject_id, seq)
);
create index task_events_at on task_events using brin (at);

create table workers (
  id text primary key,
  pools text[] not null default '{}',
  host text not null default '',
  pid int,
  queues text[] not null default '{}',
  started_at timestamptz not null default now()
);

-- Workers whose lock is held at this moment: a row alone may be that of a worker that was killed.
create view living_workers as
  select w.* from workers w
  where exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('worker:' || w.id, 0));

-- Names this database to the outside, so that idempotency keys of two installations never meet.
create table installation (id uuid primary key default gen_random_uuid());
insert into installation default values;

-- Results of effects that must happen once (a mint, a post, a paid call), kept through crashes and re-runs.
create table effects (
  pipeline text not null,
  subject_id bigint not null,
  stage text not null,
  item text not null,
  key text not null,
  result jsonb not null,
  at timestamptz not null default now(),
  primary key (pipeline, subject_id, stage, item, key)
);

create table ledger (
  id bigint generated always as identity primary key,
  pipeline text not null,
  subject_id bigint not null,
  task_id bigint,
  usd_micros bigint not null,
  reason text not null,
  at timestamptz not null default now(),
  foreign key (pipeline, subject_id) references subjects on delete cascade
);
create index on ledger (pipeline, subject_id);

-- One place that ranks, records and wakes; set-based, called once per statement ----------------------------------------

create type task_change as (
  id bigint, pipeline text, subject_id bigint, stage text, item text, status text,
  attempts smallint, progress real, next_retry_at timestamptz, was text
);

-- Inserts the tasks that have become ready because `settled` have settled, and returns them.
-- The caller holds the subjects' rows. When engine.taker names a worker, at most one ready dependent of each settled task
-- is handed straight to it as running, and engine.taken lists their ids.
create function populate(settled task_change[]) returns task_change[] language plpgsql volatile as $$
declare
  added task_change[];
  empty task_change[];
  taker text := nullif(current_setting('engine.taker', true), '');
  taker_queue text := nullif(current_setting('engine.taker_queue', true), '');
begin
  perform set_config('engine.populating', 'on', true);
  with added_rows as (
    insert into tasks (pipeline, subject_id, stage, item, max_attempts, status, reason, settled_at, worker_id, attempts, runs, started_at)
    select c.pipeline, c.subject_id, s.name, i.item, s.max_attempts,
      case when h.mine then 'running' else i.status end, i.reason,
      case when i.status = 'skipped' then now() end,
      case when h.mine then taker end, h.mine::int, h.mine::int,
      case when h.mine then clock_timestamp() end
    from (
      select distinct x.pipeline, x.subject_id, p.stage
      from unnest(settled) x
      join stage_prerequisites p on p.pipeline = x.pipeline and p.prerequisite = x.stage
    ) c
    join stages s on s.pipeline = c.pipeline and s.name = c.stage
    cross join lateral (
      select '' as item, 'pending' as status, null as reason where s.each_stage is null
      union all
      select e.item, 'pending', null
      from tasks t, lateral (
        select case jsonb_typeof(v) when 'string' then v #>> '{}' else to_char(n - 1, 'FM000000') end as item
        from jsonb_array_elements(
          case jsonb_typeof(jsonb_path_query_first(t.output, s.each_path::jsonpath)) when 'array'
            then jsonb_path_query_first(t.output, s.each_path::jsonpath) else '[]' end
        ) with ordinality a(v, n)
      ) e
      where s.each_stage is not null and t.pipeline = c.pipeline and t.subject_id = c.subject_id and t.stage = s.each_stage
      union all
      -- An empty list leaves no row, so the join behind it would never start: one skipped marker stands for it.
      select '', 'skipped', format('%s gave no items', s.each_stage)
      from tasks t
      where s.each_stage is not null and t.pipeline = c.pipeline and t.subject_id = c.subject_id and t.stage = s.each_stage
        and (t.output is null
          or coalesce(jsonb_typeof(jsonb_path_query_first(t.output, s.each_path::jsonpath)), 'null') <> 'array'
          or jsonb_array_length(jsonb_path_query_first(t.output, s.each_path::jsonpath)) = 0)
    ) i
    cross join lateral (
      -- Taken stages share no prerequisite, so there are never more of them than settled tasks.
      select taker is not null and i.status = 'pending' and s.each_stage is null and not s.is_gate and s.queue = taker_queue
        and not exists (
          select from stage_prerequisites a
          join stage_prerequisites b on b.pipeline = a.pipeline and b.prerequisite = a.prerequisite and b.stage < a.stage
          where a.pipeline = s.pipeline and a.stage = s.name
        ) as mine
    ) h
    -- Checked before inserting: on conflict do nothing waits for a row that another transaction updates, and deadlocks.
    -- A scalar subquery looks each row up; as an anti-join the planner would read the whole table for every batch.
    where (
      select t.id from tasks t
      where t.pipeline = c.pipeline and t.subject_id = c.subject_id and t.stage = s.name and t.item = i.item
    ) is null
    and not exists (
      select from stage_prerequisites p
      left join tasks t on t.pipeline = p.pipeline and t.subject_id = c.subject_id and t.stage = p.prerequisite
      where p.pipeline = c.pipeline and p.stage = c.stage
        and (t.id is null or t.status not in ('completed', 'skipped')
          and not (p.is_optional and t.status = 'failed'))
    )
    on conflict do nothing
    returning id, pipeline, subject_id, stage, item, status, attempts, progress, next_retry_at
  )
  select array_agg((id, pipeline, subject_id, stage, item, status, attempts, progress, next_retry_at, null)::task_change order by id)
  into added from added_rows;
  perform set_config('engine.populating', 'off', true);
  if taker is not null then
    perform set_config('engine.taken', (select coalesce(string_agg(x.id::text, ','), '') from unnest(added) x where x.status = 'running'), true);
  end if;
  select array_agg(x) into empty from unnest(added) x where x.status = 'skipped';
  if empty is not null then
    -- What follows an empty list gets a job: the settled task may have handed on its one dependent already.
    perform set_config('engine.taker', '', true);
    added := added || populate(empty);
    perform set_config('engine.taker', coalesce(taker, ''), true);
  end if;
  return coalesce(added, '{}');
end $$;

-- Writes events with gap-free numbers, tells listeners, and adds a job for every task that became pending.
create function record_changes(changed task_change[]) returns void language plpgsql volatile as $$
declare
  woken task_change[];
  subjects_changed text;
begin
  with k as (
    select x.pipeline, x.subject_id, count(*) n from unnest(changed) x group by 1, 2
  ), c as (
    update subjects s set event_seq = s.event_seq + k.n
    from k where s.pipeline = k.pipeline and s.id = k.subject_id
    returning s.pipeline, s.id, s.event_seq - k.n as base
  )
  insert into task_events (pipeline, subject_id, seq, task_id, stage, item, status, attempts, progress)
  select x.pipeline, x.subject_id, c.base + row_number() over (partition by x.pipeline, x.subject_id order by x.id),
    x.id, x.stage, x.item, x.status, x.attempts, x.progress
  from unnest(changed) x
  join c on c.pipeline = x.pipeline and c.id = x.subject_id;

  -- Workers switch this off and tell listeners outside their transactions: NOTIFY makes commits queue up.
  if current_setting('engine.notify', true) is distinct from 'off' then
    select string_agg(distinct x.pipeline || ':' || x.subject_id, ',') into subjects_changed from unnest(changed) x;
    perform pg_notify('task_events', case when length(subjects_changed) > 7000 then '*' else subjects_changed end);
  end if;

  select array_agg(x order by x.id) into woken
  from unnest(changed) x
  where x.status = 'pending';
  if woken is not null then
    perform graphile_worker.add_jobs((
      select array_agg((w.pipeline || '.' || w.stage, json_build_object('task', w.id), null, w.next_retry_at, 1, null, 0, null)::graphile_worker.job_spec)
      from unnest(woken) w
    ));
  end if;
end $$;

-- The highest milestone all of whose stages, and those of all earlier milestones, have settled well; 'pending' when none.
create function reached_milestone(of_pipeline text, of_subject bigint) returns text language sql stable as $$
  select coalesce((
    select m.milestone
    from stages m
    where m.pipeline = of_pipeline and m.milestone is not null
      and not exists (
        select from stages e
        left join tasks t on t.pipeline = e.pipeline and t.subject_id = of_subject and t.stage = e.name
        where e.pipeline = m.pipeline and e.milestone_rank <= m.milestone_rank
          and (t.id is null or t.status not in ('completed', 'skipped'))
      )
    order by m.milestone_rank desc limit 1
  ), 'pending')
$$;

create function milestone_rank(of_pipeline text, of_milestone text) returns int language sql stable as $$
  select coalesce((select min(milestone_rank) from stages where pipeline = of_pipeline and milestone = of_milestone), 0)
$$;

-- Derives the milestone of each changed subject. It rises one step at a time, each step an event, and falls only when
-- work was explicitly undone (a re-run from a stage, or deleted tasks).
create function derive_milestones(changed task_change[], may_fall boolean) returns void language plpgsql volatile as $$
declare
  s record;
  step record;
begin
  for s in
    select k.pipeline, k.id, k.milestone as old, reached_milestone(k.pipeline, k.id) as new
    from (select distinct x.pipeline, x.subject_id from unnest(changed) x) d
    join subjects k on k.pipeline = d.pipeline and k.id = d.subject_id
    order by k.pipeline, k.id
  loop
    if s.new = s.old then continue; end if;
    if milestone_rank(s.pipeline, s.new) < milestone_rank(s.pipeline, s.old) then
      if may_fall then perform set_milestone(s.pipeline, s.id, s.new); end if;
      continue;
    end if;
    for step in
      select distinct g.milestone, g.milestone_rank from stages g
      where g.pipeline = s.pipeline and g.milestone_rank > milestone_rank(s.pipeline, s.old)
        and g.milestone_rank <= milestone_rank(s.pipeline, s.new)
      order by g.milestone_rank
    loop
      perform set_milestone(s.pipeline, s.id, step.milestone);
    end loop;
  end loop;
end $$;

create function set_milestone(of_pipeline text, of_subject bigint, to_milestone text) returns void language plpgsql volatile as $$
declare seq bigint;
begin
  update subjects set milestone = to_milestone, event_seq = event_seq + 1
  where pipeline = of_pipeline and id = of_subject returning event_seq into seq;
  insert into task_events (pipeline, subject_id, seq, milestone) values (of_pipeline, of_subject, seq, to_milestone);
end $$;

-- Triggers on tasks ----------------------------------------------------------------------------------------------------

-- random_page_cost: the rows of work under way are in memory, and a plan that reads all tasks for each batch grows with them.
create function tg_tasks__inserted() returns trigger language plpgsql set random_page_cost = 1.1 as $$
declare
  changed task_change[];
  settled task_change[];
begin
  if current_setting('engine.populating', true) = 'on' then return null; end if;
  select array_agg((n.id, n.pipeline, n.subject_id, n.stage, n.item, n.status, n.attempts, n.progress, n.next_retry_at, null)::task_change order by n.id)
  into changed from new_rows n;
  if changed is null then return null; end if;
  select array_agg(x) into settled from unnest(changed) x where x.status in ('completed', 'skipped');
  perform record_changes(changed || case when settled is not null then populate(settled) else '{}' end);
  if settled is not null then perform derive_milestones(settled, false); end if;
  return null;
end $$;

create function tg_tasks__updated() returns trigger language plpgsql set random_page_cost = 1.1 as $$
declare
  changed task_change[];
  settled task_change[];
  added task_change[];
  moved task_change[];
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'tasks change in READ COMMITTED only, not in %', current_setting('transaction_isolation')
      using hint = 'a join counts what other transactions settled after this one began';
  end if;
  select array_agg((n.id, n.pipeline, n.subject_id, n.stage, n.item, n.status, n.attempts, n.progress, n.next_retry_at, o.status)::task_change order by n.id)
  into changed
  from new_rows n join old_rows o on o.id = n.id
  where n.status <> o.status or n.progress <> o.progress or n.next_retry_at is distinct from o.next_retry_at;
  if changed is null then return null; end if;

  perform from subjects s
  where (s.pipeline, s.id) in (select x.pipeline, x.subject_id from unnest(changed) x)
  order by s.pipeline, s.id for no key update;

  select array_agg(x) into settled from unnest(changed) x
  where (x.status in ('completed', 'skipped') and x.was not in ('completed', 'skipped'))
    or (x.status = 'failed' and exists (
      select from stage_prerequisites p where p.pipeline = x.pipeline and p.prerequisite = x.stage and p.is_optional));
  if settled is not null then added := populate(settled); end if;
  perform record_changes(changed || added);

  -- Among the added ones are markers of empty lists, which settle a stage at once.
  select array_agg(x) into moved
  from unnest(changed || added) x join stages s on s.pipeline = x.pipeline and s.name = x.stage
  where s.milestone is not null
    and (x.status in ('completed', 'skipped')) <> coalesce(x.was in ('completed', 'skipped'), false);
  if moved is not null then
    perform derive_milestones(moved, coalesce(current_setting('engine.undoing', true), '') = 'on');
  end if;
  return null;
end $$;

create function tg_tasks__deleted() returns trigger language plpgsql as $$
declare changed task_change[];
begin
  select array_agg((o.id, o.pipeline, o.subject_id, o.stage, o.item, 'removed', o.attempts, o.progress, null, o.status)::task_change order by o.id)
  into changed
  from old_rows o join subjects s on s.pipeline = o.pipeline and s.id = o.subject_id;
  if changed is null then return null; end if;
  perform from subjects s
  where (s.pipeline, s.id) in (select x.pipeline, x.subject_id from unnest(changed) x)
  order by s.pipeline, s.id for no key update;
  perform record_changes(changed);
  perform derive_milestones(changed, true);
  return null;
end $$;

-- Sending a settled task back to pending starts it afresh, whoever does it: the api, or an operator with plain SQL.
create function tg_tasks__restarted() returns trigger language plpgsql as $$
begin
  new.attempts := 0;
  new.progress := 0;
  new.next_retry_at := null;
  new.settled_at := null;
  new.worker_id := null;
  new.reason := null;
  new.error_message := null;
  new.error_details := null;
  return new;
end $$;

create trigger _100_restarted before update of status on tasks for each row
  when (new.status = 'pending' and old.status in ('completed', 'failed', 'skipped', 'canceled', 'awaiting_review'))
  execute function tg_tasks__restarted();
create trigger _500_inserted after insert on tasks
  referencing new table as new_rows for each statement execute function tg_tasks__inserted();
create trigger _500_updated after update on tasks
  referencing old table as old_rows new table as new_rows for each statement execute function tg_tasks__updated();
create trigger _500_deleted after delete on tasks
  referencing old table as old_rows for each statement execute function tg_tasks__deleted();

-- For subject tables: `create trigger … after insert on tracks referencing new table as new_rows for each statement
-- execute function tg_subject__inserted('track')`, and likewise for delete.
create function tg_subject__inserted() returns trigger language plpgsql as $$
begin
  insert into subjects (pipeline, id) select tg_argv[0], n.id from new_rows n;
  insert into tasks (pipeline, subject_id, stage, max_attempts)
  select s.pipeline, n.id, s.name, s.max_attempts
  from new_rows n join stages s on s.pipeline = tg_argv[0]
  where not exists (select from stage_prerequisites p where p.pipeline = s.pipeline and p.stage = s.name)
  order by n.id, s.position;
  return null;
end $$;

-- Whoever deletes a subject calls lock_subject first in the same transaction, or a settle under way may deadlock with it.
create function tg_subject__deleted() returns trigger language plpgsql as $$
begin
  delete from subjects s using old_rows o where s.pipeline = tg_argv[0] and s.id = o.id;
  delete from tasks t using old_rows o where t.pipeline = tg_argv[0] and t.subject_id = o.id;
  delete from task_events e using old_rows o where e.pipeline = tg_argv[0] and e.subject_id = o.id;
  delete from effects e using old_rows o where e.pipeline = tg_argv[0] and e.subject_id = o.id;
  return null;
end $$;

-- What workers call -----------------------------------------------------------------------------------------------------

-- Outputs of the tasks' prerequisites by name; a fan-out's outputs as a list in item order; null where skipped, or failed from the first.
-- A prerequisite that is being run again still counts with what it made last, or its dependents would take it for skipped.
create function task_inputs(ids bigint[]) returns table (id bigint, inputs jsonb) language sql stable as $$
  select k.id, (
    select coalesce(jsonb_object_agg(p.prerequisite, o.value), '{}')
    from stage_prerequisites p
    join stages s on s.pipeline = p.pipeline and s.name = p.prerequisite
    cross join lateral (
      select case
        when s.each_stage is not null then coalesce(
          jsonb_agg(case when t.status not in ('skipped', 'awaiting_review') then t.output end order by t.item) filter (where t.item <> ''), '[]')
        else (array_agg(case when t.status not in ('skipped', 'awaiting_review') then t.output end))[1]
      end as value
      from tasks t
      where t.pipeline = k.pipeline and t.subject_id = k.subject_id and t.stage = p.prerequisite
    ) o
    where p.pipeline = k.pipeline and p.stage = k.stage
  )
  from tasks k where k.id = any (ids)
$$;

-- Waits for row locks on purpose: skip locked would lose the wake-up when somebody else holds the row for an instant.
create function claim_tasks(worker text, ids bigint[])
returns table (id bigint, pipeline text, subject_id bigint, stage text, item text, attempts smallint, max_attempts smallint, runs int, inputs jsonb)
language sql volatile as $$
  with c as materialized (
    select t.id from tasks t
    where t.id = any (ids) and t.status = 'pending' and (t.next_retry_at is null or t.next_retry_at <= clock_timestamp())
    order by t.id for update
  ), u as (
    update tasks t set status = 'running', attempts = t.attempts + 1, runs = t.runs + 1, progress = 0, worker_id = worker,
      started_at = clock_timestamp(), settled_at = null, next_retry_at = null
    from c where t.id = c.id
    returning t.id, t.pipeline, t.subject_id, t.stage, t.item, t.attempts, t.max_attempts, t.runs
  )
  select u.*, i.inputs from u join task_inputs(ids) i on i.id = u.id
$$;

-- results: [{id, runs, status, output, error, details, reason, retryMs}]. A result whose task has moved on is dropped.
create function settle_tasks(worker text, results jsonb) returns setof bigint language sql volatile as $$
  with l as materialized (
    select t.id, r.status = 'failed' and r.retry_ms is not null and t.attempts < t.max_attempts as again,
      r.status, r.output, r.error, r.details, r.reason, r.retry_ms
    from (
      select (v ->> 'id')::bigint id, (v ->> 'runs')::int runs, v ->> 'status' status, v -> 'output' as output,
        v ->> 'error' error, v -> 'details' details, v ->> 'reason' reason, (v ->> 'retryMs')::bigint retry_ms
      from jsonb_array_elements(results) v
    ) r
    join tasks t on t.id = r.id and t.runs = r.runs and t.status = 'running' and t.worker_id = worker
    -- Says the same as the join, so that a plan made while the table was small still looks rows up by id.
    where t.id = any (array(select (v ->> 'id')::bigint from jsonb_array_elements(results) v))
    order by t.id for update of t
  )
  update tasks t set
    status = case when l.again then 'pending' else l.status end,
    next_retry_at = case when l.again then clock_timestamp() + l.retry_ms * interval '1 ms' end,
    output = case when l.status in ('completed', 'awaiting_review') then l.output else t.output end,
    error_message = l.error,
    error_details = l.details,
    reason = l.reason,
    worker_id = null,
    progress = case when l.status in ('completed', 'awaiting_review') then 1 else t.progress end,
    settled_at = case when l.status in ('completed', 'skipped', 'failed') and not l.again then clock_timestamp() end
  from l where t.id = l.id returning t.id
$$;

-- Settles, and hands at most one ready dependent of each settled task (in the worker's own queue) straight on as running.
-- An empty queue takes nothing on.
create function settle_and_take(worker text, worker_queue text, results jsonb)
returns table (settled bigint[], taken jsonb) language plpgsql volatile set random_page_cost = 1.1 as $$
declare done bigint[];
begin
  perform set_config('engine.taker', case when worker_queue = '' then '' else worker end, true),
    set_config('engine.taker_queue', worker_queue, true), set_config('engine.taken', '', true);
  select array_agg(x) into done from settle_tasks(worker, results) x;
  perform set_config('engine.taker', '', true);
  return query select coalesce(done, '{}'), (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', t.id, 'pipeline', t.pipeline, 'subject_id', t.subject_id, 'stage', t.stage, 'item', t.item,
      'attempts', t.attempts, 'max_attempts', t.max_attempts, 'runs', t.runs, 'inputs', i.inputs)), '[]')
    from task_inputs(string_to_array(current_setting('engine.taken'), ',')::bigint[]) i
    join tasks t on t.id = i.id
  );
end $$;

-- Gives a running task back unharmed, when a worker stops: the attempt does not count.
create function release_task(worker text, of_task bigint, of_runs int) returns bigint language sql volatile as $$
  update tasks set status = 'pending', worker_id = null, progress = 0, attempts = greatest(attempts - 1, 0)
  where id = of_task and runs = of_runs and status = 'running' and worker_id = worker
  returning id
$$;

-- Gives back the tasks that a living worker holds in the table but does not run: the answer to its claim or settle was lost.
-- `held` are the ids it does run. Returns how many.
create function release_strays(worker text, held bigint[], older_than interval) returns int language plpgsql volatile as $$
declare n int;
begin
  with l as materialized (
    select id from tasks
    where status = 'running' and worker_id = worker and id <> all (held) and started_at < now() - older_than
    order by id for update
  )
  update tasks t set status = 'pending', worker_id = null, progress = 0, attempts = greatest(t.attempts - 1, 0)
  from l where t.id = l.id;
  get diagnostics n = row_count;
  return n;
end $$;

-- Progress of running tasks: [{id, runs, progress}]. Returns those this worker no longer holds (canceled, re-run, swept).
create function report_progress(worker text, reports jsonb) returns table (id bigint, runs int) language plpgsql volatile as $$
begin
  with r as (
    select (v ->> 'id')::bigint id, (v ->> 'runs')::int runs, (v ->> 'progress')::real progress
    from jsonb_array_elements(reports) v
  ), l as materialized (
    select t.id, r.progress from r join tasks t on t.id = r.id
    where t.id = any (array(select (v ->> 'id')::bigint from jsonb_array_elements(reports) v))
      and t.runs = r.runs and t.status = 'running' and t.worker_id = worker and r.progress > t.progress
    order by t.id for update of t
  )
  update tasks t set progress = l.progress from l where t.id = l.id;
  return query
    select (v ->> 'id')::bigint, (v ->> 'runs')::int from jsonb_array_elements(reports) v
    where not exists (
      select from tasks t
      where t.id = (v ->> 'id')::bigint and t.runs = (v ->> 'runs')::int and t.status = 'running' and t.worker_id = worker);
end $$;

-- What people do --------------------------------------------------------------------------------------------------------

-- Every stage that stands on this one, directly or through others.
create function dependents(of_pipeline text, of_stage text) returns setof text language sql stable as $$
  with recursive d(stage) as (
    select p.stage from stage_prerequisites p where p.pipeline = of_pipeline and p.prerequisite = of_stage
    union
    select p.stage from stage_prerequisites p join d on p.pipeline = of_pipeline and p.prerequisite = d.stage
  )
  select stage from d
$$;

-- Holds the subject and all its tasks. It takes the subject first, so it must never wait for a task row:
-- nowait, release (the subtransaction's rollback gives the locks back), try again.
create function lock_subject(of_pipeline text, of_subject bigint) returns void language plpgsql volatile as $$
begin
  for i in 1..500 loop
    begin
      perform from subjects where pipeline = of_pipeline and id = of_subject for no key update;
      perform from tasks where pipeline = of_pipeline and subject_id = of_subject order by id for update nowait;
      return;
    exception when lock_not_available then null;
    end;
    perform pg_sleep(0.01);
  end loop;
  raise exception '% % is busy', of_pipeline, of_subject using errcode = 'lock_not_available';
end $$;

-- Runs a stage again and everything that stands on it; returns the names of the stages undone.
create function rerun_stage(of_pipeline text, of_subject bigint, of_stage text) returns text[] language plpgsql volatile as $$
declare undone text[];
begin
  perform lock_subject(of_pipeline, of_subject);
  perform set_config('engine.undoing', 'on', true);
  -- The stage first: while it still counted as settled, whatever watches for missing tasks would insert its dependents again.
  update tasks set status = 'pending'
  where pipeline = of_pipeline and subject_id = of_subject and stage = of_stage and status not in ('pending', 'running');
  update tasks set status = 'pending', worker_id = null, attempts = 0, progress = 0
  where pipeline = of_pipeline and subject_id = of_subject and stage = of_stage and status = 'running';
  with gone as (
    delete from tasks
    where pipeline = of_pipeline and subject_id = of_subject and stage in (select dependents(of_pipeline, of_stage))
    returning stage
  )
  select array_agg(distinct stage) into undone from gone;
  perform set_config('engine.undoing', 'off', true);
  return array_prepend(of_stage, coalesce(undone, '{}'));
end $$;

-- Cancels what is not settled yet; returns how many tasks were canceled.
create function cancel_subject(of_pipeline text, of_subject bigint, why text) returns int language plpgsql volatile as $$
declare n int;
begin
  perform lock_subject(of_pipeline, of_subject);
  update tasks set status = 'canceled', reason = why, settled_at = now(), worker_id = null
  where pipeline = of_pipeline and subject_id = of_subject and status in ('pending', 'running', 'awaiting_review');
  get diagnostics n = row_count;
  return n;
end $$;

-- Confirms a gate, with a corrected output when one is given. Null when the task was not waiting.
create function review_task(of_task bigint, corrected jsonb) returns bigint language sql volatile as $$
  update tasks set status = 'completed', output = coalesce(corrected, output), progress = 1, settled_at = now()
  where id = of_task and status = 'awaiting_review' returning id
$$;

-- Inserts the task of a stage whose prerequisites have settled, if it is missing. Null when it exists or is not ready.
create function ensure_task(of_pipeline text, of_subject bigint, of_stage text) returns bigint language plpgsql volatile as $$
declare made bigint;
begin
  perform from subjects where pipeline = of_pipeline and id = of_subject for no key update;
  insert into tasks (pipeline, subject_id, stage, max_attempts)
  select s.pipeline, of_subject, s.name, s.max_attempts from stages s
  where s.pipeline = of_pipeline and s.name = of_stage and s.each_stage is null
    and exists (select from subjects k where k.pipeline = of_pipeline and k.id = of_subject)
    and not exists (select from tasks t where t.pipeline = of_pipeline and t.subject_id = of_subject and t.stage = of_stage)
    and not exists (
      select from stage_prerequisites p
      left join tasks t on t.pipeline = p.pipeline and t.subject_id = of_subject and t.stage = p.prerequisite
      where p.pipeline = of_pipeline and p.stage = of_stage
        and (t.id is null or t.status not in ('completed', 'skipped')
          and not (p.is_optional and t.status = 'failed')))
  returning id into made;
  return made;
end $$;

-- Tasks that the declared graph says should exist and do not: what a change of the graph, or a restored dump, leaves behind.
create view missing_tasks as
  select k.pipeline, k.id as subject_id, s.name as stage
  from subjects k
  join stages s on s.pipeline = k.pipeline
  where not exists (select from tasks t where t.pipeline = k.pipeline and t.subject_id = k.id and t.stage = s.name)
    and not exists (
      select from stage_prerequisites p
      left join tasks t on t.pipeline = p.pipeline and t.subject_id = k.id and t.stage = p.prerequisite
      where p.pipeline = s.pipeline and p.stage = s.name
        and (t.id is null or t.status not in ('completed', 'skipped')
          and not (p.is_optional and t.status = 'failed')));

-- Inserts every missing task. Returns how many.
create function backfill_tasks() returns int language plpgsql volatile as $$
declare
  mended int := 0;
  inserted int;
  m record;
  added task_change[];
begin
  for m in select distinct pipeline, subject_id from missing_tasks order by 1, 2 loop
    perform from subjects where pipeline = m.pipeline and id = m.subject_id for no key update;
    insert into tasks (pipeline, subject_id, stage, max_attempts)
    select s.pipeline, m.subject_id, s.name, s.max_attempts
    from missing_tasks x join stages s on s.pipeline = x.pipeline and s.name = x.stage
    where x.pipeline = m.pipeline and x.subject_id = m.subject_id and s.each_stage is null;
    get diagnostics inserted = row_count;
    mended := mended + inserted;
    -- Fan-outs are made from the settled list they stand on.
    select populate(array_agg(distinct (t.id, t.pipeline, t.subject_id, t.stage, t.item, t.status, t.attempts, t.progress, t.next_retry_at, null)::task_change))
    into added
    from missing_tasks x
    join stages s on s.pipeline = x.pipeline and s.name = x.stage and s.each_stage is not null
    join tasks t on t.pipeline = x.pipeline and t.subject_id = x.subject_id and t.stage = s.each_stage
    where x.pipeline = m.pipeline and x.subject_id = m.subject_id;
    if added is not null and cardinality(added) > 0 then
      perform record_changes(added);
      perform derive_milestones(added, false);
      mended := mended + cardinality(added);
    end if;
  end loop;
  return mended;
end $$;

-- Recovery ----------------------------------------------------------------------------------------------------------------

-- Workers hold advisory lock hashtextextended('worker:' || id, 0) on a session of their own. Returns the tasks of those who
-- lost it to pending (the attempt counts), and re-adds the jobs they had only fetched: with one attempt,
-- a job locked by a dead pool never becomes available again.
create function sweep_workers() returns table (worker text, tasks_returned int) language plpgsql volatile as $$
declare
  dead text[];
  lost bigint[];
begin
  with w as materialized (
    select id from workers order by id
  ), d as materialized (
    select id from w where pg_try_advisory_xact_lock(hashtextextended('worker:' || id, 0))
  )
  select array_agg(id) into dead from d;
  if dead is null then return; end if;

  with gone as (
    delete from graphile_worker._private_jobs
    where locked_by in (select unnest(pools) from workers where id = any (dead)) and payload ->> 'task' is not null
    returning (payload ->> 'task')::bigint task
  )
  select array_agg(task) into lost from gone;
  perform graphile_worker.force_unlock_workers(array(select unnest(pools) from workers where id = any (dead)));

  return query
    with x as materialized (
      select t.id, t.worker_id as owner from tasks t where t.status = 'running' and t.worker_id = any (dead) order by t.id for update skip locked
    ), u as (
      update tasks t set
        status = case when t.attempts < t.max_attempts then 'pending' else 'failed' end,
        worker_id = null,
        error_message = 'the worker stopped while the task ran',
        settled_at = case when t.attempts < t.max_attempts then null else now() end
      from x where x.id = t.id
      returning x.owner
    )
    select d, (select count(*)::int from u where u.owner = d) from unnest(dead) d;

  perform graphile_worker.add_jobs(array_agg(
    (t.pipeline || '.' || t.stage, json_build_object('task', t.id), null, t.next_retry_at, 1, null, 0, null)::graphile_worker.job_spec))
  from tasks t
  where t.id = any (lost) and t.status = 'pending'
    and not exists (select from graphile_worker._private_jobs j where (j.payload ->> 'task')::bigint = t.id)
  having count(*) > 0;

  delete from workers w
  where w.id = any (dead) and not exists (select from tasks t where t.worker_id = w.id and t.status = 'running');
end $$;

-- The slow safety net: takes back tasks of workers that are not listed any more, forgets jobs that failed or are locked
-- by pools no worker owns, and gives every due pending task without a job a new one. Returns how many it woke.
create function wake_forgotten_tasks(older_than interval) returns int language plpgsql volatile as $$
declare forgotten bigint[];
begin
  with x as materialized (
    select t.id from tasks t
    where t.status = 'running' and t.worker_id is not null and t.started_at < now() - older_than
      and not exists (select from workers w where w.id = t.worker_id)
    order by t.id for update skip locked
  )
  update tasks t set
    status = case when t.attempts < t.max_attempts then 'pending' else 'failed' end,
    worker_id = null,
    error_message = 'the worker stopped while the task ran',
    settled_at = case when t.attempts < t.max_attempts then null else now() end
  from x where x.id = t.id;

  delete from graphile_worker._private_jobs j
  where j.payload ->> 'task' is not null
    and (j.locked_at < now() - older_than and not exists (select from workers w where j.locked_by = any (w.pools))
      or j.locked_at is null and j.attempts >= j.max_attempts);
  select array_agg(t.id) into forgotten from (
    select t.id from tasks t
    where t.status = 'pending' and coalesce(t.next_retry_at, t.created_at) < now() - older_than
      and not exists (select from graphile_worker._private_jobs j where (j.payload ->> 'task')::bigint = t.id)
    limit 1000
  ) t;
  if forgotten is null then return 0; end if;
  perform graphile_worker.add_jobs(array_agg(
    (t.pipeline || '.' || t.stage, json_build_object('task', t.id), null, null, 1, null, 0, null)::graphile_worker.job_spec))
  from tasks t where t.id = any (forgotten);
  return cardinality(forgotten);
end $$;

-- What people look at -----------------------------------------------------------------------------------------------------

-- Every stage of every subject that has not settled well, and the unmet condition in words.
create function waiting_reasons(of_pipeline text, of_subject bigint)
returns table (stage text, item text, task_id bigint, status text, reason text) language sql stable as $$
  select s.name, coalesce(t.item, ''), t.id, coalesce(t.status, 'not_ready'),
    case
      when t.status = 'pending' and t.next_retry_at > now() then
        format('attempt %s of %s failed; retries at %s', t.attempts, t.max_attempts, to_char(t.next_retry_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
      when t.status = 'pending' and not exists (select from living_workers w where s.queue = any (w.queues)) then
        format('no worker serves the %s queue', s.queue)
      when t.status = 'pending' then
        format('waits for a free worker of the %s queue', s.queue)
      when t.status = 'running' then format('running, %s %%', round(t.progress * 100))
      when t.status = 'awaiting_review' then 'waits for a person''s review'
      when t.status = 'failed' then
        format('failed after %s of %s attempts: %s', t.attempts, t.max_attempts, coalesce(t.error_message, 'no message'))
      when t.status = 'canceled' then coalesce('canceled: ' || t.reason, 'canceled')
      else (
        select 'waits for ' || string_agg(
          p.prerequisite || case
            when u.status is null then ' (not ready yet)'
            when u.status = 'failed' then ' (failed: ' || coalesce(u.error_message, 'no message') || ')'
            else ' (' || replace(u.status, '_', ' ') || ')' end, ', ' order by b.position)
        from stage_prerequisites p
        join stages b on b.pipeline = p.pipeline and b.name = p.prerequisite
        left join lateral (
          select x.status, x.error_message from tasks x
          where x.pipeline = p.pipeline and x.subject_id = of_subject and x.stage = p.prerequisite
            and x.status not in ('completed', 'skipped') and not (p.is_optional and x.status = 'failed') limit 1
        ) u on true
        where p.pipeline = s.pipeline and p.stage = s.name
          and not (u.status is null and exists (
            select from tasks x where x.pipeline = p.pipeline and x.subject_id = of_subject and x.stage = p.prerequisite))
      )
    end
  from stages s
  left join tasks t on t.pipeline = s.pipeline and t.subject_id = of_subject and t.stage = s.name
  where s.pipeline = of_pipeline and (t.id is null or t.status not in ('completed', 'skipped'))
  order by s.position, t.item
$$;

create view task_summary as
  select pipeline, stage as task_type, status, count(*) as tasks from tasks group by 1, 2, 3;

-- Backlog and expected time: what waits, and how long the last twenty runs of the stage took.
create view stage_backlog as
  select s.pipeline, s.name as stage, s.queue, s.position,
    c.pending, c.running, c.failed, c.awaiting_review,
    d.median_seconds,
    case when c.pending + c.running = 0 then 0
      else d.median_seconds * (c.pending + c.running)
        / greatest(1, c.running, (select count(*) from living_workers w where s.queue = any (w.queues))) end as eta_seconds
  from stages s
  cross join lateral (
    select count(*) filter (where t.status = 'pending') pending, count(*) filter (where t.status = 'running') running,
      count(*) filter (where t.status = 'failed') failed, count(*) filter (where t.status = 'awaiting_review') awaiting_review
    from tasks t where t.pipeline = s.pipeline and t.stage = s.name
  ) c
  left join lateral (
    select percentile_cont(0.5) within group (order by extract(epoch from r.settled_at - r.started_at)) as median_seconds
    from (
      select t.settled_at, t.started_at from tasks t
      where t.pipeline = s.pipeline and t.stage = s.name and t.status = 'completed' and t.started_at is not null
      order by t.settled_at desc limit 20
    ) r
  ) d on true;
