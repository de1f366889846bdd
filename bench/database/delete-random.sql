-- Three rows of a thousand go, anywhere in the ledger and the events.

DELETE FROM ledger WHERE pg_temp.draw(id, 3000 + :round, 333) = 0;
DELETE FROM events WHERE pg_temp.draw(id, 3000 + :round, 333) = 0;
