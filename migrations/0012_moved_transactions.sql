-- After a re-organisation, or on a chain that came back older, a transaction may stand in another block than before, or a
-- replacement of it. What is on record of it elsewhere follows chain_transactions.

create index chain_transactions_hashes on chain_transactions using gin (hashes);
create index published_clips_registered on published_clips (registered_tx);
create index published_clips_processed on published_clips (processed_tx);
create index encryptions_encrypted on encryptions (encrypted_tx);
create index grc20_edits_tx on grc20_edits (tx_hash);

-- Where a transaction, or its replacement, stands, as far as is known; else what is given. Whoever moves it meanwhile waits, and then
-- finds the row that asked.
create function place_of_transaction(of_chain bigint, inout tx text, inout block bigint) language plpgsql volatile as $$
declare known record;
begin
  select hash, block_number into known from chain_transactions where chain_id = of_chain and hashes @> array[tx] for share;
  if known.block_number is not null then
    tx := known.hash;
    block := known.block_number;
  end if;
end $$;

-- Also before updates: a stage that runs again writes down what it knew of a transaction when it sent it.
create function tg_published_clips__places() returns trigger language plpgsql as $$
begin
  select * into new.registered_tx, new.registered_block
  from place_of_transaction(new.chain_id, new.registered_tx, new.registered_block);
  select * into new.processed_tx, new.processed_block
  from place_of_transaction(new.chain_id, new.processed_tx, new.processed_block);
  return new;
end $$;
create trigger _500_places before insert or update of registered_tx, registered_block, processed_tx, processed_block on published_clips
  for each row execute function tg_published_clips__places();

create function tg_encryptions__places() returns trigger language plpgsql as $$
begin
  select * into new.encrypted_tx, new.encrypted_block
  from place_of_transaction(new.chain_id, new.encrypted_tx, new.encrypted_block);
  return new;
end $$;
create trigger _500_places before insert or update of encrypted_tx, encrypted_block on encryptions
  for each row execute function tg_encryptions__places();

create function tg_grc20_edits__places() returns trigger language plpgsql as $$
begin
  select * into new.tx_hash, new.block_number from place_of_transaction(new.chain_id, new.tx_hash, new.block_number);
  return new;
end $$;
create trigger _500_places before insert or update of tx_hash, block_number on grc20_edits
  for each row when (new.tx_hash is not null) execute function tg_grc20_edits__places();

create function tg_chain_transactions__moved() returns trigger language plpgsql as $$
begin
  update published_clips set registered_tx = new.hash, registered_block = new.block_number
  where chain_id = new.chain_id and registered_tx = any (new.hashes);
  update published_clips set processed_tx = new.hash, processed_block = new.block_number
  where chain_id = new.chain_id and processed_tx = any (new.hashes);
  update encryptions set encrypted_tx = new.hash, encrypted_block = new.block_number
  where chain_id = new.chain_id and encrypted_tx = any (new.hashes);
  update grc20_edits set tx_hash = new.hash, block_number = new.block_number
  where chain_id = new.chain_id and tx_hash = any (new.hashes);
  return null;
end $$;
create trigger _500_moved after update on chain_transactions for each row
  when (new.status = 'mined' and (old.block_number, old.hash) is distinct from (new.block_number, new.hash))
  execute function tg_chain_transactions__moved();
