-- A few of the newest rows change.

UPDATE documents SET status = 'done', updated_at = updated_at + interval '1 hour',
    attributes = attributes || jsonb_build_object('round', :round)
  WHERE id > (SELECT max(id) FROM documents) * 0.97 AND pg_temp.draw(id, 1000 + :round, 25) = 0;

UPDATE ledger SET reversed = NOT reversed
  WHERE id > (SELECT max(id) FROM ledger) * 0.97 AND pg_temp.draw(id, 1000 + :round, 25) = 0;
