export interface SampleShopOptions {
  /** Everything else grows with the number of customers; 4,000 make about 62,000 rows. */
  customers?: number;
  /** The same seed gives the same shop. */
  seed?: number;
}

/**
 * SQL that fills an empty database with a small online shop: who bought what, when, for how much, and how they liked it.
 * One multi-statement query; the server makes the rows.
 */
export function sampleShop({ customers = 4000, seed = 1 }: SampleShopOptions = {}): string {
  return `${draws(seed)}${SCHEMA}${catalogue}${people(customers)}${orders(customers * 3)}${CLOSING}`;
}

/** Draws that depend on nothing but the row, what is drawn, and the seed. */
function draws(seed: number): string {
  return `
    CREATE FUNCTION pg_temp.draw(n bigint, what text, choices bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
      $$ SELECT (hashint8extended(n, hashtext(what) + ${seed}) & 4611686018427387903) % choices $$;
    -- Small numbers often, large ones seldom.
    CREATE FUNCTION pg_temp.draw_small(n bigint, what text, choices bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
      $$ SELECT least(pg_temp.draw(n, what, choices), pg_temp.draw(n, what || ' again', choices)) $$;
    CREATE FUNCTION pg_temp.pick(n bigint, what text, choices text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
      $$ SELECT choices[1 + pg_temp.draw(n, what, cardinality(choices))] $$;`;
}

const SCHEMA = `
  CREATE TYPE order_status AS ENUM ('placed', 'paid', 'shipped', 'delivered', 'returned');
  CREATE TABLE categories (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
  );
  CREATE TABLE products (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id integer NOT NULL REFERENCES categories,
    name text NOT NULL,
    price numeric(8, 2) NOT NULL CHECK (price > 0),
    in_stock integer NOT NULL DEFAULT 0,
    attributes jsonb NOT NULL DEFAULT '{}',
    search tsvector GENERATED ALWAYS AS (to_tsvector('pg_catalog.english', name)) STORED
  );
  CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    city text NOT NULL,
    joined_at timestamptz NOT NULL
  );
  CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    status order_status NOT NULL,
    placed_at timestamptz NOT NULL
  );
  CREATE TABLE order_lines (
    order_id bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
    line smallint NOT NULL,
    product_id integer NOT NULL REFERENCES products,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price numeric(8, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
  );
  CREATE TABLE payments (
    id uuid PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    amount numeric(10, 2) NOT NULL,
    method text NOT NULL,
    paid_at timestamptz NOT NULL
  );
  CREATE TABLE reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id integer NOT NULL REFERENCES products,
    customer_id bigint NOT NULL REFERENCES customers,
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    body text
  );
  -- What a copy of production must never send from a laptop.
  CREATE TABLE mails_to_send (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient text NOT NULL,
    subject text NOT NULL
  );`;

const catalogue = `
  INSERT INTO categories (name) VALUES ('Tea'), ('Coffee'), ('Chocolate'), ('Honey'), ('Spices'), ('Pots & Pans'), ('Cups'),
    ('Knives'), ('Linen'), ('Books');
  INSERT INTO products (category_id, name, price, in_stock, attributes)
    SELECT category.id, origin || ' ' || kind || ' ' || category.name,
      3 + category.id * 2 + pg_temp.draw(number, 'price', 4000) / 100.0, pg_temp.draw(number, 'stock', 250),
      jsonb_build_object('origin', origin, 'organic', pg_temp.draw(number, 'organic', 3) = 0, 'weight_grams', 50 * (1 + pg_temp.draw(number, 'weight', 20)))
    FROM categories category,
      unnest(ARRAY['Kyoto', 'Assam', 'Lisbon', 'Oaxaca', 'Bergen', 'Tbilisi', 'Cork', 'Addis']) WITH ORDINALITY o (origin, o),
      unnest(ARRAY['Everyday', 'Reserve', 'Little', 'Midnight', 'Garden']) WITH ORDINALITY k (kind, k),
      LATERAL (SELECT category.id * 100 + o * 10 + k) n (number)
    ORDER BY number;`;

function people(customers: number): string {
  return `
  INSERT INTO customers (name, email, city, joined_at)
    SELECT first || ' ' || last, lower(first || '.' || translate(last, '''åØø ', 'aoo')) || n || '@' || host, city,
      timestamptz '2024-01-01 08:00+00' + n * interval '4 hours'
    FROM generate_series(1, ${customers}) n, LATERAL (SELECT
      pg_temp.pick(n, 'first', ARRAY['Ada', 'Amir', 'Beatriz', 'Chidi', 'Daniel', 'Elif', 'Fatima', 'Grace', 'Hiro', 'Ingrid', 'Jonas', 'Kofi',
        'Lucia', 'Mei', 'Nadia', 'Oskar', 'Priya', 'Quentin', 'Rosa', 'Samuel', 'Tomas', 'Ursula', 'Viktor', 'Wanjiru', 'Yusuf', 'Zoe']),
      pg_temp.pick(n, 'last', ARRAY['Almeida', 'Bakker', 'Castro', 'Dahl', 'Eriksen', 'Fischer', 'Garcia', 'Haddad', 'Ito', 'Johnson', 'Kowalski',
        'Lindqvist', 'Moreau', 'Nguyen', 'O''Brien', 'Okafor', 'Patel', 'Rossi', 'Silva', 'Tanaka', 'Ueda', 'Varga', 'Weber', 'Yilmaz', 'Åberg']),
      pg_temp.pick(n, 'host', ARRAY['example.com', 'example.org', 'mail.example', 'post.example']),
      pg_temp.pick(n, 'city', ARRAY['Amsterdam', 'Berlin', 'Chicago', 'Dublin', 'Istanbul', 'Kyoto', 'Lagos', 'Lisbon', 'Nairobi', 'Oslo', 'Porto', 'Zürich'])
    ) person (first, last, host, city) ORDER BY n;`;
}

function orders(count: number): string {
  return `
  INSERT INTO orders (customer_id, status, placed_at)
    SELECT 1 + pg_temp.draw_small(n, 'customer', (SELECT count(*) FROM customers)),
      CASE WHEN n > ${count} - 150 THEN 'placed' WHEN n > ${count} - 400 THEN 'paid' WHEN n > ${count} - 700 THEN 'shipped'
        WHEN pg_temp.draw(n, 'returned', 40) = 0 THEN 'returned' ELSE 'delivered' END::order_status,
      timestamptz '2024-02-01 09:00+00' + n * interval '75 minutes' + pg_temp.draw(n, 'minute', 3600) * interval '1 second'
    FROM generate_series(1, ${count}) n;
  INSERT INTO order_lines (order_id, line, product_id, quantity, unit_price)
    SELECT orders.id, line, product.id, 1 + pg_temp.draw_small(orders.id * 10 + line, 'quantity', 4), product.price
    FROM orders CROSS JOIN generate_series(1, 1 + pg_temp.draw_small(orders.id, 'lines', 6)) line
    JOIN products product ON product.id = 1 + pg_temp.draw_small(orders.id * 10 + line, 'product', 400)
    ORDER BY orders.id, line;
  INSERT INTO payments (id, order_id, amount, method, paid_at)
    SELECT md5('payment ' || orders.id)::uuid, orders.id, sum(quantity * unit_price),
      pg_temp.pick(orders.id, 'method', ARRAY['card', 'card', 'card', 'bank transfer', 'voucher']), placed_at + interval '2 minutes'
    FROM orders JOIN order_lines ON order_id = orders.id WHERE status <> 'placed' GROUP BY orders.id ORDER BY orders.id;
  INSERT INTO reviews (product_id, customer_id, stars, body)
    SELECT product_id, customer_id, 5 - pg_temp.draw_small(order_id, 'stars', 5),
      CASE WHEN pg_temp.draw(order_id, 'words', 3) > 0 THEN
        pg_temp.pick(order_id, 'opening', ARRAY['Lovely.', 'Exactly as described.', 'A present for my sister.', 'Arrived a day late.', 'Third time I buy this.'])
        || ' ' || pg_temp.pick(order_id, 'closing', ARRAY['Would buy again!', 'Smaller than I thought.', 'The whole kitchen smells of it.', 'Well packed, thank you.', 'It''s fine.'])
      END
    FROM order_lines JOIN orders ON orders.id = order_id
    WHERE status = 'delivered' AND line = 1 AND pg_temp.draw(order_id, 'reviewed', 4) = 0 ORDER BY order_id;
  INSERT INTO mails_to_send (recipient, subject)
    SELECT email, 'Your order ' || orders.id || ' is on its way' FROM orders JOIN customers ON customers.id = customer_id WHERE status = 'paid' ORDER BY orders.id;`;
}

const CLOSING = `
  CREATE INDEX orders_customer ON orders (customer_id, placed_at DESC);
  CREATE INDEX order_lines_product ON order_lines (product_id);
  CREATE INDEX products_search ON products USING gin (search);
  CREATE MATERIALIZED VIEW monthly_sales AS
    SELECT date_trunc('month', paid_at AT TIME ZONE 'UTC') AS month, count(*) AS orders, sum(amount) AS revenue FROM payments GROUP BY 1 ORDER BY 1;
  DROP FUNCTION pg_temp.draw, pg_temp.draw_small, pg_temp.pick;
  ANALYZE;`;
