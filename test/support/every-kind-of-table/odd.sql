-- One of everything else that a table, a value or a name can be. Small; the same whatever the size.

CREATE SCHEMA "Odd ""Names""";
COMMENT ON SCHEMA "Odd ""Names""" IS 'quotes '' and " and \ and
a second line';

-- Types of our own.
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
ALTER TYPE mood ADD VALUE 'between' BEFORE 'happy';
CREATE TYPE address AS (street text, "Zip Code" varchar(10), lines text[]);
CREATE DOMAIN percentage AS numeric(5, 2) DEFAULT 0 CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE float_range AS RANGE (subtype = float8, subtype_diff = float8mi);

-- Every type of value, with the values that are hard to print.
CREATE TABLE typed (
  id integer GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5) PRIMARY KEY,
  a_text text, a_varchar varchar(20), a_char char(8), an_internal_char "char", a_name name,
  a_smallint smallint, an_integer integer, a_bigint bigint, a_numeric numeric, a_real real, a_double double precision,
  a_boolean boolean, a_date date, a_time time, a_timetz timetz, a_timestamp timestamp, a_timestamptz timestamptz(3),
  an_interval interval, a_bytea bytea, a_json json, a_jsonb jsonb, a_uuid uuid, an_inet inet, a_cidr cidr, a_macaddr macaddr8,
  a_bit bit(5), a_varbit varbit, a_point point, a_polygon polygon, a_circle circle, a_tsvector tsvector, a_tsquery tsquery,
  an_enum mood, a_composite address, a_domain percentage, a_range int4range, a_multirange datemultirange,
  a_float_range float_range, a_matrix integer[][], composites address[], a_money money, an_oid oid, a_regclass regclass, an_lsn pg_lsn
);
INSERT INTO typed (a_text, a_numeric, a_real, a_double, a_date, a_timestamp, a_timestamptz, an_interval, a_bytea) VALUES
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('', 'NaN', 'NaN', 'NaN', 'infinity', 'infinity', 'infinity', '-1 year +2 mons -3 days +04:05:06.789', ''),
  ('\N', 'Infinity', '-infinity', 'infinity', '-infinity', '-infinity', '-infinity', '0', '\x00ff5c0a0d09'),
  (E'tab\tnewline\nreturn\rboth\r\nbackslash\\ bell\a end', 1e-100, 1.17549435e-38, 2.2250738585072014e-308, '4713-01-01 BC',
    '4713-01-01 BC', '2024-02-29 23:59:59.9995+14', '178000000 years', '\x5c2e0a'),
  (E'\\.', 123456789012345678901234567890.123456789, 0.1, 0.30000000000000004, '5874897-12-31', '294276-12-31 23:59:59',
    '1883-11-18 12:03:57+00', '1 microsecond', NULL),
  (E'naïve ☃ 𝄞 👩\u200d👩\u200d👧 \u202ertl', -0.0, '-0', '-0', 'epoch', 'epoch', 'epoch', '-1 microsecond', decode(repeat('00', 100), 'hex'));
INSERT INTO typed (a_varchar, a_char, an_internal_char, a_name, a_smallint, an_integer, a_bigint, a_boolean, a_time, a_timetz,
    a_json, a_jsonb, a_uuid, an_inet, a_cidr, a_macaddr, a_bit, a_varbit, a_point, a_polygon, a_circle, a_tsvector, a_tsquery,
    an_enum, a_composite, a_domain, a_range, a_multirange, a_float_range, a_matrix, composites, a_money, an_oid, a_regclass, an_lsn)
  VALUES ('trailing space ', 'pad', 'x', 'a name', -32768, -2147483648, -9223372036854775808, true, '24:00', '12:00:00.5+05:45',
    '{"z" : 1,   "a":[ ], "a":null, "u":"\u00e9"}', '{"n": 1.10, "e": 1e3, "s": "\u00e9\n"}', '00000000-0000-0000-0000-000000000000',
    '::ffff:1.2.3.4/128', '10.1.0.0/16', '08:00:2b:01:02:03:04:05', B'10101', B'', '(1e-7,-0)', '((0,0),(1,1.5),(2,0))',
    '<(1,2),3>', '''it''''s'':1A,2 fat:3', '''fat'' & !( rat:AB | cat <-> dog )', 'happy',
    ROW('1 "Main", (St)', NULL, ARRAY['a,b', 'c"d', '', NULL]), 99.99, '[1,10)', '{[2024-01-01,2024-02-01),[2025-01-01,)}',
    '(,1.5]', '[0:1][-1:0]={{1,NULL},{3,4}}', ARRAY[ROW('x', 'y', '{}')::address, NULL], 12345.67, 4294967295,
    'pg_catalog.pg_class', '16/B374D848');

-- Names that need quotes, and that quoting alone does not make safe.
CREATE TABLE "Odd ""Names"""."select" ("from" integer, "WHERE" text, "with space" text, "tab	and
newline" text, "é☃👍" text, "a.b" text, "%s" text, "$1" text, "\" text, "'" text);
INSERT INTO "Odd ""Names"""."select" SELECT i, 'row ' || i, '', NULL, '☃', '.', '%', '$', '\', '''' FROM generate_series(1, 20) i;
CREATE TABLE "Odd ""Names"""."$(touch x); DROP TABLE typed; --" (id integer PRIMARY KEY, "-- not a comment" text DEFAULT '/* nor this */');
INSERT INTO "Odd ""Names"""."$(touch x); DROP TABLE typed; --" SELECT i FROM generate_series(1, 7) i;
CREATE TABLE "Odd ""Names"""."
line
👻 a_name_that_is_exactly_as_long_as_a_name_may_be__" (id integer);
INSERT INTO "Odd ""Names"""."
line
👻 a_name_that_is_exactly_as_long_as_a_name_may_be__" VALUES (1);
CREATE INDEX "index ""quoted""" ON "Odd ""Names"""."select" ("from", lower("WHERE")) WHERE "with space" = '';
CREATE TABLE "Odd ""Names""".ledger (note text);
INSERT INTO "Odd ""Names""".ledger VALUES ('the same name in another schema');

-- Shapes.
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 5);
CREATE TABLE no_rows (id integer PRIMARY KEY, note text);
CREATE TABLE no_key (a integer, b text);
INSERT INTO no_key SELECT i % 3, 'same' FROM generate_series(1, 30) i;
CREATE UNLOGGED TABLE unlogged (id integer PRIMARY KEY);
INSERT INTO unlogged SELECT generate_series(1, 50);
CREATE TABLE dropped_columns (gone integer, id integer PRIMARY KEY, also_gone text, note text);
INSERT INTO dropped_columns SELECT i, i, 'x', 'note ' || i FROM generate_series(1, 25) i;
ALTER TABLE dropped_columns DROP COLUMN gone, DROP COLUMN also_gone;
-- Rows written before the column came have its value in the catalogue only.
ALTER TABLE dropped_columns ADD COLUMN later integer NOT NULL DEFAULT 42;
INSERT INTO dropped_columns VALUES (26, NULL, 43);
DO $$ BEGIN
  EXECUTE 'CREATE TABLE very_wide (' || (SELECT string_agg('c' || c || ' integer', ', ' ORDER BY c) FROM generate_series(1, 1000) c) || ')';
  EXECUTE 'INSERT INTO very_wide (c1, c999, c1000) SELECT i, i * 2, i * 3 FROM generate_series(1, 10) i';
END $$;
CREATE TABLE big_values (id integer PRIMARY KEY, value text, STORED_value bytea);
ALTER TABLE big_values ALTER COLUMN value SET STORAGE EXTERNAL;
INSERT INTO big_values VALUES (1, repeat(E'0123456789\n', 400000), NULL), (2, NULL, decode(repeat('00ff', 1000000), 'hex')), (3, repeat('x', 100000), '');

-- Inheritance, with rows in the parent, a child with more columns, and one with two parents.
CREATE TABLE vehicles (id serial PRIMARY KEY, wheels integer DEFAULT 4, CONSTRAINT has_wheels CHECK (wheels >= 0));
CREATE TABLE priced (price numeric, CONSTRAINT not_for_children CHECK (price < 1000000) NO INHERIT);
CREATE TABLE cars (doors integer) INHERITS (vehicles);
CREATE TABLE taxis (licence text) INHERITS (cars, priced);
ALTER TABLE taxis ALTER COLUMN wheels SET DEFAULT 3;
INSERT INTO vehicles (wheels) SELECT 2 FROM generate_series(1, 12);
INSERT INTO cars (doors) SELECT i FROM generate_series(1, 13) i;
INSERT INTO taxis (doors, price, licence) SELECT i, i * 100, 'T' || i FROM generate_series(1, 14) i;

-- Generated and identity columns; sequences in every state.
CREATE TABLE generated (
  id bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME "generated ""ids""" MINVALUE -100 START WITH -100 INCREMENT BY 3 CACHE 5),
  first_name text, last_name text,
  full_name text GENERATED ALWAYS AS (first_name || ' ' || coalesce(last_name, '')) STORED
);
INSERT INTO generated (first_name, last_name) SELECT 'first ' || i, CASE WHEN i % 2 = 0 THEN 'last ' || i END FROM generate_series(1, 40) i;
CREATE SEQUENCE never_called START WITH 500;
CREATE SEQUENCE downwards AS smallint INCREMENT BY -7 MAXVALUE 100 MINVALUE -100 START WITH 100 CYCLE;
SELECT nextval('downwards') FROM generate_series(1, 9);
CREATE SEQUENCE set_by_hand;
SELECT setval('set_by_hand', 9223372036854775806, true), setval('never_called', 777, false);

-- Constraints that need each other, or that old rows break.
CREATE TABLE chicken (id integer PRIMARY KEY, egg integer);
CREATE TABLE egg (id integer PRIMARY KEY, chicken integer REFERENCES chicken DEFERRABLE INITIALLY DEFERRED);
INSERT INTO chicken SELECT i, i FROM generate_series(1, 10) i;
INSERT INTO egg SELECT i, i FROM generate_series(1, 10) i;
ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg DEFERRABLE;
CREATE TABLE tree (id integer PRIMARY KEY, parent integer REFERENCES tree);
INSERT INTO tree SELECT i, NULLIF(i / 2, 0) FROM generate_series(1, 31) i;
CREATE TABLE bookings (room integer, during tsrange, EXCLUDE USING gist (during WITH &&) WHERE (room = 1));
INSERT INTO bookings SELECT 1 + i % 2, tsrange(timestamp '2024-01-01' + i * interval '1 hour', timestamp '2024-01-01' + (i + 1) * interval '1 hour') FROM generate_series(1, 20) i;
INSERT INTO no_key VALUES (-1, 'before the check');
ALTER TABLE no_key ADD CONSTRAINT from_now_on CHECK (a >= 0) NOT VALID;
ALTER TABLE ledger CLUSTER ON ledger_pkey;
ALTER TABLE dropped_columns REPLICA IDENTITY FULL;
CREATE STATISTICS ledger_statistics (ndistinct, dependencies) ON account, currency FROM ledger;

-- Row-level security that hides every row from whoever it applies to.
CREATE TABLE secured (id integer PRIMARY KEY, owner text NOT NULL);
INSERT INTO secured SELECT i, 'owner ' || i % 3 FROM generate_series(1, 60) i;
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
ALTER TABLE secured FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON secured USING (false);
CREATE POLICY own_rows ON secured AS RESTRICTIVE FOR UPDATE USING (owner = current_user) WITH CHECK (owner <> '');

-- Code, and what it is attached to.
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT upper($1) || '!' $$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $body$
BEGIN NEW.note := coalesce(NEW.note, 'touched; $$ and '' inside'); RETURN NEW; END $body$;
CREATE PROCEDURE nothing(INOUT x integer) LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
CREATE AGGREGATE longest(text) (SFUNC = text_larger, STYPE = text);
CREATE OPERATOR !! (RIGHTARG = text, PROCEDURE = shout);
CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF note ON no_rows FOR EACH ROW WHEN (NEW.id > 0) EXECUTE FUNCTION touch();
ALTER TABLE no_rows DISABLE TRIGGER touch;
CREATE INDEX no_key_shout ON no_key (shout(b) DESC NULLS LAST);
CREATE RULE ignore_deletes AS ON DELETE TO no_rows DO INSTEAD NOTHING;
CREATE COLLATION "Odd ""Names"""."as bytes" FROM "C";
CREATE TABLE collated (name text COLLATE "Odd ""Names"""."as bytes" PRIMARY KEY);
INSERT INTO collated VALUES ('a'), ('B'), ('ä');

-- Views, also one upon the other, and one without its rows.
CREATE VIEW recent AS SELECT id, amount FROM ledger WHERE id <= 100 WITH LOCAL CHECK OPTION;
CREATE RECURSIVE VIEW descendants (id, depth) AS
  SELECT id, 0 FROM tree WHERE parent IS NULL UNION ALL SELECT tree.id, depth + 1 FROM tree JOIN descendants ON tree.parent = descendants.id;
CREATE MATERIALIZED VIEW "Account Totals" AS SELECT account, count(*) AS entries, sum(amount) AS total FROM ledger GROUP BY account;
CREATE UNIQUE INDEX ON "Account Totals" (account);
CREATE MATERIALIZED VIEW biggest_accounts AS SELECT account FROM "Account Totals" WHERE total > 100;
CREATE MATERIALIZED VIEW never_filled AS SELECT * FROM tree WITH NO DATA;
COMMENT ON COLUMN typed.a_text IS 'a comment with '' and \ and
two lines';

-- Extensions: those among these few that this server has.
DO $$ DECLARE extension text; BEGIN
  FOREACH extension IN ARRAY ARRAY['citext', 'hstore', 'pgcrypto', 'vector'] LOOP
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = extension);
    EXECUTE format('CREATE EXTENSION %I', extension);
    CASE extension
      WHEN 'citext' THEN
        CREATE TABLE with_citext (name citext PRIMARY KEY);
        INSERT INTO with_citext VALUES ('Ada'), ('bob');
      WHEN 'hstore' THEN
        CREATE TABLE with_hstore (id integer, pairs hstore);
        INSERT INTO with_hstore VALUES (1, 'a=>1, "b c"=>NULL'), (2, '');
      WHEN 'vector' THEN
        CREATE TABLE with_vector (id integer, embedding vector(3));
        INSERT INTO with_vector VALUES (1, '[1,2,3]'), (2, NULL);
      ELSE NULL;
    END CASE;
  END LOOP;
END $$;

DROP TABLE pg_temp.paragraph;
DROP FUNCTION pg_temp.draw;
RESET ALL;
