-- A stage may also require a stage of another pipeline, of the subject that its own subject is linked to: a track's encryption
-- requires the lock of the track's artist.

create table stage_requirements (
  pipeline text not null,
  stage text not null,
  required_pipeline text not null,
  required_stage text not null,
  primary key (pipeline, stage, required_pipeline, required_stage),
  foreign key (pipeline, stage) references stages on delete cascade,
  foreign key (required_pipeline, required_stage) references stages on delete cascade
);
create index on stage_requirements (required_pipeline, required_stage);

-- Which subject of another pipeline a subject belongs to: at most one of each.
create table subject_links (
  pipeline text not null,
  subject_id bigint not null,
  to_pipeline text not null,
  to_subject_id bigint not null,
  primary key (pipeline, subject_id, to_pipeline),
  foreign key (pipeline, subject_id) references subjects on delete cascade,
  foreign key (to_pipeline, to_subject_id) references subjects on delete cascade
);
create index on subject_links (to_pipeline, to_subject_id);

-- Holds these tasks' subjects, and those whose stages may become ready because the tasks have settled, all in one order.
create function lock_settling(changed task_change[]) returns void language plpgsql volatile as $$
begin
  perform from subjects s
  where (s.pipeline, s.id) in (
    select x.pipeline, x.subject_id from unnest(changed) x
    union all
    select l.pipeline, l.subject_id
    from unnest(changed) x
    join stage_requirements r on r.required_pipeline = x.pipeline and r.required_stage = x.stage
    join subject_links l on l.pipeline = r.pipeline and l.to_pipeline = x.pipeline and l.to_subject_id = x.subject_id)
  order by s.pipeline, s.id for no key update;
end $$;

-- What follows is as it was, and heeds the requirements.

create or replace function populate(settled task_change[]) returns task_change[] language plpgsql volatile as $$
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
      select x.pipeline, x.subject_id, p.stage
      from unnest(settled) x
      join stage_prerequisites p on p.pipeline = x.pipeline and p.prerequisite = x.stage
      union
      select l.pipeline, l.subject_id, r.stage
      from unnest(settled) x
      join stage_requirements r on r.required_pipeline = x.pipeline and r.required_stage = x.stage
      join subject_links l on l.pipeline = r.pipeline and l.to_pipeline = x.pipeline and l.to_subject_id = x.subject_id
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
        )
        -- One lock may make ready the tracks of a whole catalogue.
        and not exists (select from stage_requirements r where r.pipeline = s.pipeline and r.stage = s.name) as mine
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
    and not exists (
      select from stage_requirements r
      left join subject_links l on l.pipeline = r.pipeline and l.subject_id = c.subject_id and l.to_pipeline = r.required_pipeline
      left join tasks t on t.pipeline = l.to_pipeline and t.subject_id = l.to_subject_id and t.stage = r.required_stage
      where r.pipeline = c.pipeline and r.stage = c.stage and (t.id is null or t.status not in ('completed', 'skipped')))
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

create or replace function tg_tasks__inserted() returns trigger language plpgsql set random_page_cost = 1.1 as $$
declare
  changed task_change[];
  settled task_change[];
begin
  if current_setting('engine.populating', true) = 'on' then return null; end if;
  select array_agg((n.id, n.pipeline, n.subject_id, n.stage, n.item, n.status, n.attempts, n.progress, n.next_retry_at, null)::task_change order by n.id)
  into changed from new_rows n;
  if changed is null then return null; end if;
  select array_agg(x) into settled from unnest(changed) x where x.status in ('completed', 'skipped');
  if settled is not null then perform lock_settling(settled); end if;
  perform record_changes(changed || case when settled is not null then populate(settled) else '{}' end);
  if settled is not null then perform derive_milestones(settled, false); end if;
  return null;
end $$;

create or replace function tg_tasks__updated() returns trigger language plpgsql set random_page_cost = 1.1 as $$
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

  perform lock_settling(changed);

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

create or replace function tg_subject__inserted() returns trigger language plpgsql as $$
begin
  insert into subjects (pipeline, id) select tg_argv[0], n.id from new_rows n;
  insert into tasks (pipeline, subject_id, stage, max_attempts)
  select s.pipeline, n.id, s.name, s.max_attempts
  from new_rows n join stages s on s.pipeline = tg_argv[0]
  where not exists (select from stage_prerequisites p where p.pipeline = s.pipeline and p.stage = s.name)
    and not exists (select from stage_requirements r where r.pipeline = s.pipeline and r.stage = s.name)
  order by n.id, s.position;
  return null;
end $$;

create or replace function ensure_task(of_pipeline text, of_subject bigint, of_stage text) returns bigint language plpgsql volatile as $$
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
    and not exists (
      select from stage_requirements r
      left join subject_links l on l.pipeline = r.pipeline and l.subject_id = of_subject and l.to_pipeline = r.required_pipeline
      left join tasks t on t.pipeline = l.to_pipeline and t.subject_id = l.to_subject_id and t.stage = r.required_stage
      where r.pipeline = of_pipeline and r.stage = of_stage and (t.id is null or t.status not in ('completed', 'skipped')))
  returning id into made;
  return made;
end $$;

create or replace view missing_tasks as
  select k.pipeline, k.id as subject_id, s.name as stage
  from subjects k
  join stages s on s.pipeline = k.pipeline
  where not exists (select from tasks t where t.pipeline = k.pipeline and t.subject_id = k.id and t.stage = s.name)
    and not exists (
      select from stage_prerequisites p
      left join tasks t on t.pipeline = p.pipeline and t.subject_id = k.id and t.stage = p.prerequisite
      where p.pipeline = s.pipeline and p.stage = s.name
        and (t.id is null or t.status not in ('completed', 'skipped')
          and not (p.is_optional and t.status = 'failed')))
    and not exists (
      select from stage_requirements r
      left join subject_links l on l.pipeline = r.pipeline and l.subject_id = k.id and l.to_pipeline = r.required_pipeline
      left join tasks t on t.pipeline = l.to_pipeline and t.subject_id = l.to_subject_id and t.stage = r.required_stage
      where r.pipeline = k.pipeline and r.stage = s.name and (t.id is null or t.status not in ('completed', 'skipped')));

create or replace function waiting_reasons(of_pipeline text, of_subject bigint)
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
        select 'waits for ' || string_agg(n.what, ', ' order by n.position)
        from (
          select b.position, p.prerequisite || case
              when u.status is null then ' (not ready yet)'
              when u.status = 'failed' then ' (failed: ' || coalesce(u.error_message, 'no message') || ')'
              else ' (' || replace(u.status, '_', ' ') || ')' end as what
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
          union all
          select 1000000, format('%s of its %s', r.required_stage, r.required_pipeline) || case
              when l.to_subject_id is null then format(' (no %s is known)', r.required_pipeline)
              when x.status is null then ' (not ready yet)'
              when x.status = 'failed' then ' (failed: ' || coalesce(x.error_message, 'no message') || ')'
              else ' (' || replace(x.status, '_', ' ') || ')' end
          from stage_requirements r
          left join subject_links l on l.pipeline = r.pipeline and l.subject_id = of_subject and l.to_pipeline = r.required_pipeline
          left join tasks x on x.pipeline = l.to_pipeline and x.subject_id = l.to_subject_id and x.stage = r.required_stage
          where r.pipeline = s.pipeline and r.stage = s.name and (x.id is null or x.status not in ('completed', 'skipped'))
        ) n
      )
    end
  from stages s
  left join tasks t on t.pipeline = s.pipeline and t.subject_id = of_subject and t.stage = s.name
  where s.pipeline = of_pipeline and (t.id is null or t.status not in ('completed', 'skipped'))
  order by s.position, t.item
$$;

-- A subject that learns whom it belongs to may have stages that are ready at once.
create function tg_subject_links__linked() returns trigger language plpgsql as $$
begin
  perform from subjects s
  where (s.pipeline, s.id) in (
    select n.pipeline, n.subject_id from new_rows n
    union all
    select n.to_pipeline, n.to_subject_id from new_rows n)
  order by s.pipeline, s.id for no key update;
  perform ensure_task(m.pipeline, m.subject_id, m.stage)
  from new_rows n
  join missing_tasks m on m.pipeline = n.pipeline and m.subject_id = n.subject_id
  join stage_requirements r on r.pipeline = m.pipeline and r.stage = m.stage and r.required_pipeline = n.to_pipeline;
  return null;
end $$;
create trigger _500_inserted after insert on subject_links
  referencing new table as new_rows for each statement execute function tg_subject_links__linked();
create trigger _500_updated after update on subject_links
  referencing new table as new_rows for each statement execute function tg_subject_links__linked();
