-- One row of a hundred changes, anywhere in the large tables.

UPDATE documents SET status = 'done', updated_at = updated_at + interval '1 day',
    attributes = attributes || jsonb_build_object('round', :round)
  WHERE pg_temp.draw(id, 2000 + :round, 100) = 0;

UPDATE ledger SET reversed = NOT reversed, reference = 'REV-' || :round
  WHERE pg_temp.draw(id, 2000 + :round, 100) = 0;

UPDATE events SET payload = payload || jsonb_build_object('round', :round)
  WHERE pg_temp.draw(id, 2000 + :round, 100) = 0;
