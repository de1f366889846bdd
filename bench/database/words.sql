SET client_min_messages = warning;
-- Durability is of no use to data that can be made again.
SET synchronous_commit = off;

-- A whole number from 0 up to, not including, `choices`: always the same for the same row and purpose.
CREATE OR REPLACE FUNCTION pg_temp.draw(row_number bigint, purpose bigint, choices bigint) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS
  $$ SELECT (hashint8extended(row_number, purpose) & 4611686018427387903) % choices $$;

-- Words of one to four syllables, the frequent ones short, as in a language.
CREATE TEMPORARY TABLE word AS
  SELECT number, string_agg(syllable[1 + pg_temp.draw(number * 4 + part, 1, 40)], '' ORDER BY part) AS body
  FROM (SELECT string_to_array('a be con da de en er es fi ga he in is ka la le lo ma me mi na ne no o on pa per ra re ri '
      || 'sa se si ta te ti to tra u ve', ' ')) syllables (syllable),
    generate_series(1, 4096) number,
    generate_series(1, 1 + (number > 15)::integer + (number > 250)::integer + (number % 3 = 1)::integer) part
  GROUP BY number;

-- The n-th word is n times as rare as the first. So many paragraphs that a compressor hardly meets one again within
-- its window, which would flatter it.
CREATE TEMPORARY TABLE paragraph AS
  SELECT p AS number, string_agg(body, ' ' ORDER BY w) || '.' AS body
  FROM (SELECT p, w, ceil(power(4096, (1 + pg_temp.draw(p * 100 + w, 2, 1000000)) / 1000000.0::float8))::integer AS number
        FROM generate_series(0, 32767) p, generate_series(1, 20 + p % 60) w) drawn
  JOIN word USING (number)
  GROUP BY p;
ALTER TABLE pg_temp.paragraph ADD PRIMARY KEY (number);
ANALYZE pg_temp.paragraph;
