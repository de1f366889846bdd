-- New rows, numbered from after those that are there.

INSERT INTO documents (id, author, status, updated_at, title, body, attributes)
  SELECT i, pg_temp.draw(i, 10, 5000), (ARRAY['draft', 'open', 'done', 'done'])[1 + pg_temp.draw(i, 11, 4)],
    timestamptz '2022-01-01 00:00+00' + i * interval '97 seconds', left(one.body, 40),
    CASE pg_temp.draw(i, 12, 10) WHEN 0 THEN
      (SELECT string_agg((SELECT body FROM pg_temp.paragraph WHERE number = pg_temp.draw(i * 30 + n, 13, 32768)), E'\n\n')
       FROM generate_series(1, 30) n)
    ELSE concat_ws(E'\n\n', one.body, two.body, three.body, four.body) END,
    jsonb_build_object('number', i, 'score', pg_temp.draw(i, 14, 1000) / 10.0, 'language', (ARRAY['en', 'es', 'fr'])[1 + i % 3],
      'key', md5(i::text), 'reviewed', i % 7 = 0, 'summary', left(two.body, 120))
  FROM (SELECT coalesce(max(id), 0) AS last FROM documents) there, generate_series(last + 1, last + :documents) i
  JOIN pg_temp.paragraph one ON one.number = pg_temp.draw(i, 15, 32768)
  JOIN pg_temp.paragraph two ON two.number = pg_temp.draw(i, 16, 32768)
  JOIN pg_temp.paragraph three ON three.number = pg_temp.draw(i, 17, 32768)
  JOIN pg_temp.paragraph four ON four.number = pg_temp.draw(i, 18, 32768)
  ORDER BY i;

INSERT INTO ledger (id, account, booked_at, amount, currency, reference, reversed)
  SELECT i, pg_temp.draw(i, 20, 5000), timestamptz '2022-01-01 00:00+00' + i * interval '7 seconds',
    1 + pg_temp.draw(i, 21, 1000000) / 100.0, (ARRAY['USD', 'USD', 'USD', 'EUR'])[1 + pg_temp.draw(i, 22, 4)],
    CASE WHEN i % 3 <> 0 THEN 'INV-' || lpad(pg_temp.draw(i, 23, 99999999)::text, 8, '0') END, i % 97 = 0
  FROM (SELECT coalesce(max(id), 0) AS last FROM ledger) there, generate_series(last + 1, last + :ledger) i;

INSERT INTO events (id, happened_at, account, kind, payload)
  SELECT i, timestamptz '2022-01-01 00:00+00' + i * interval '11 seconds', pg_temp.draw(i, 30, 5000),
    (ARRAY['login', 'logout', 'purchase', 'view', 'view', 'view', 'refund'])[1 + pg_temp.draw(i, 31, 7)],
    jsonb_build_object('address', '10.0.' || pg_temp.draw(i, 32, 256) || '.' || pg_temp.draw(i, 33, 256),
      'agent', 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/' || 100 + pg_temp.draw(i, 34, 30),
      'session', md5(i::text), 'milliseconds', pg_temp.draw(i, 35, 2000))
  FROM (SELECT coalesce(max(id), 0) AS last FROM events) there, generate_series(last + 1, last + :events) i;

INSERT INTO attachments (id, document, name, content)
  SELECT i, 1 + pg_temp.draw(i, 40, (SELECT max(id) FROM documents)), 'scan ' || i || '.pdf',
    (SELECT string_agg(sha512(int8send(i * 1000 + n)) || decode(repeat(md5((i * 1000 + n)::text), 4), 'hex'), ''::bytea ORDER BY n)
     FROM generate_series(1, 30 + i % 300) n)
  FROM (SELECT coalesce(max(id), 0) AS last FROM attachments) there, generate_series(last + 1, last + :attachments) i;
