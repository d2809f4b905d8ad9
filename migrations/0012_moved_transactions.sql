-- After a re-organisation, or on a chain that came back older, a transaction may stand in another block than before, or a
-- replacement of it. What is on record of it elsewhere follows chain_transactions.

create index chain_transactions_hash on chain_transactions (hash);
create index published_clips_registered on published_clips (registered_tx);
create index published_clips_processed on published_clips (processed_tx);
create index encryptions_encrypted on encryptions (encrypted_tx);
create index grc20_edits_tx on grc20_edits (tx_hash);

-- The block a transaction stands in, as far as is known. Whoever moves it meanwhile waits, and then finds the row that asked.
create function block_of_transaction(of_chain bigint, of_hash text, otherwise bigint) returns bigint language plpgsql volatile as $$
declare found_block bigint;
begin
  select block_number into found_block from chain_transactions where chain_id = of_chain and hash = of_hash for share;
  return coalesce(found_block, otherwise);
end $$;

create function tg_published_clips__blocks() returns trigger language plpgsql as $$
begin
  new.registered_block := block_of_transaction(new.chain_id, new.registered_tx, new.registered_block);
  new.processed_block := block_of_transaction(new.chain_id, new.processed_tx, new.processed_block);
  return new;
end $$;
create trigger _500_blocks before insert on published_clips for each row execute function tg_published_clips__blocks();

create function tg_encryptions__blocks() returns trigger language plpgsql as $$
begin
  new.encrypted_block := block_of_transaction(new.chain_id, new.encrypted_tx, new.encrypted_block);
  return new;
end $$;
create trigger _500_blocks before insert on encryptions for each row execute function tg_encryptions__blocks();

create function tg_grc20_edits__blocks() returns trigger language plpgsql as $$
begin
  new.block_number := block_of_transaction(new.chain_id, new.tx_hash, new.block_number);
  return new;
end $$;
create trigger _500_blocks before insert or update of tx_hash on grc20_edits for each row
  when (new.tx_hash is not null) execute function tg_grc20_edits__blocks();

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
