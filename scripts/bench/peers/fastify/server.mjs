// Fastify + pg: a pool, named (prepared) statements, response schemas, which fast-json-stringify compiles.
import { randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import pg from 'pg';

pg.types.setTypeParser(20, Number); // bigint: amounts stay below 2^53
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const P = 'p.id, p.slug, p.name, p.description, p.status, p.attributes, p.tags, p.price_from_amount, p.price_from_currency, p.rating_count, p.rating_sum, p.created_at, p.updated_at, p.version';
const NEWEST = "p.status = 'active' ORDER BY p.created_at DESC, p.id DESC LIMIT $1";
const SQL = {
  one: `SELECT ${P} FROM product p WHERE p.id = $1 AND p.status = 'active'`,
  page: `SELECT ${P}, c.id AS c_id, c.slug AS c_slug, c.name AS c_name FROM product p LEFT JOIN category c ON c.id = p.category_id WHERE ${NEWEST}`,
  products: `SELECT ${P} FROM product p WHERE ${NEWEST}`,
  variants: 'SELECT product_id, id, sku, name, options, price_amount, price_currency, position FROM variant WHERE product_id = ANY($1) ORDER BY position, id',
  categories: 'SELECT id, slug, name, description FROM category ORDER BY position, name, id LIMIT $1',
  shelves: `SELECT c.id AS c_id, p.id, p.slug, p.name, p.price_from_amount, p.price_from_currency FROM unnest($1::uuid[]) AS c(id) CROSS JOIN LATERAL
    (SELECT p.* FROM product_category pc JOIN product p ON p.id = pc.product_id WHERE pc.category_id = c.id AND p.status = 'active'
     ORDER BY pc.product_created_at DESC, pc.product_id DESC LIMIT 5) p ORDER BY c.id, p.created_at DESC, p.id DESC`,
};
const rows = async (name, values) => (await pool.query({ name, text: SQL[name], values })).rows;

const string = { type: 'string' }, integer = { type: 'integer' }, free = { type: 'object', additionalProperties: true };
const object = (properties, more = {}) => ({ type: 'object', properties, ...more });
const money = object({ amount: integer, currency: string }, { nullable: true });
const own = {
  id: string, slug: string, name: string, description: string, status: string, attributes: free, tags: { type: 'array', items: string }, price_from: money,
  rating_count: integer, rating_average: { type: 'number', nullable: true }, created_at: { type: 'string', format: 'date-time' },
  updated_at: { type: 'string', format: 'date-time' }, version: integer,
};
const category = object({ id: string, slug: string, name: string }, { nullable: true });
const variant = object({ id: string, sku: string, name: string, options: free, price: money, position: integer });
const shown = object({ id: string, slug: string, name: string, price_from: money });
const shelf = object({ id: string, slug: string, name: string, description: string, products: { type: 'array', items: shown } });
const answers = (schema) => ({ schema: { response: { 200: schema } } });
const list = (item) => answers(object({ data: { type: 'array', items: item } }));

const price = (amount, currency) => (amount === null ? null : { amount, currency });
function product(r) {
  r.price_from = price(r.price_from_amount, r.price_from_currency);
  r.rating_average = r.rating_count ? Math.round((100 * r.rating_sum) / r.rating_count) / 100 : null;
  return r;
}
function grouped(keys, found, key, make) {
  const groups = new Map(keys.map((k) => [k, []]));
  for (const r of found) groups.get(r[key]).push(make(r));
  return groups;
}

const app = Fastify();
app.get('/products/:id', answers(object(own)), async (request, reply) => {
  const [found] = await rows('one', [request.params.id]);
  return found ? product(found) : reply.code(404).send();
});
app.get('/products', list(object({ ...own, category })), async (request) => {
  const found = await rows('page', [request.query.limit]);
  for (const r of found) product(r).category = r.c_id === null ? null : { id: r.c_id, slug: r.c_slug, name: r.c_name };
  return { data: found };
});
app.get('/products-with-variants', list(object({ ...own, variants: { type: 'array', items: variant } })), async (request) => {
  const found = (await rows('products', [request.query.limit])).map(product);
  const ids = found.map((r) => r.id);
  const make = (r) => { r.price = price(r.price_amount, r.price_currency); return r; };
  const groups = grouped(ids, await rows('variants', [ids]), 'product_id', make);
  for (const r of found) r.variants = groups.get(r.id);
  return { data: found };
});
app.get('/categories', list(shelf), async (request) => {
  const found = await rows('categories', [request.query.limit]);
  const ids = found.map((r) => r.id);
  const groups = grouped(ids, await rows('shelves', [ids]), 'c_id', product);
  for (const r of found) r.products = groups.get(r.id);
  return { data: found };
});

// UUIDv7: its first 48 bits are the time, so that indexes grow at their end, as the shop's do.
function newId() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
const every = (properties) => object(properties, { required: Object.keys(properties) });
const given = every({
  name: string, slug: string, description: string, status: string, attributes: free, tags: { type: 'array', items: string },
  variants: { type: 'array', minItems: 1, items: every({ sku: string, options: free, price: every({ amount: integer, currency: string }) }) },
});
const INSERT = {
  product: `INSERT INTO product (id, slug, name, description, status, attributes, tags, price_from_amount, price_from_currency, rating_count, rating_sum, version,
    created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, 1, $10, $10)`,
  variants: `INSERT INTO variant (id, product_id, position, sku, name, options, options_key, price_amount, price_currency, attributes, tax_class, track_inventory,
    allow_backorder, version, created_at, updated_at) SELECT r.*, '{}', 'standard', true, false, 1, $2, $2 FROM json_to_recordset($1::json) AS r(id uuid,
    product_id uuid, position int, sku text, name text, options json, options_key text, price_amount bigint, price_currency text)`,
  events: `INSERT INTO outbox_event (id, type, subject, data, request_id, due_at, attempts, created_at, updated_at)
    SELECT r.*, $2, $3, 0, $3, $3 FROM json_to_recordset($1::json) AS r(id uuid, type text, subject uuid, data json)`,
  audit: `INSERT INTO audit_entry (id, type, subject, data, request_id, role, door, operation, created_at, updated_at)
    SELECT r.*, $2, 'staff', 'rest', 'product_create', $3, $3 FROM json_to_recordset($1::json) AS r(id uuid, type text, subject uuid, data json)`,
};
app.post('/products', { schema: { body: given, response: { 201: object(own) } } }, async (request, reply) => {
  const { variants, ...made } = request.body, id = newId(), moment = new Date();
  const cheapest = variants.reduce((least, v) => (v.price.amount < least.price.amount ? v : least)).price;
  const rows = variants.map((v, position) => ({
    id: newId(), product_id: id, position, sku: v.sku, name: Object.values(v.options).join(' / '), options: v.options,
    options_key: JSON.stringify(Object.entries(v.options).sort()), price_amount: v.price.amount, price_currency: v.price.currency,
  }));
  const told = () => JSON.stringify([
    { id: newId(), type: 'product.created', subject: id, data: {} },
    ...rows.map((v) => ({ id: newId(), type: 'variant.created', subject: v.id, data: { product_id: id } })),
  ]);
  const client = await pool.connect();
  const run = (name, values) => client.query({ name: `insert ${name}`, text: INSERT[name], values });
  try {
    await client.query('BEGIN');
    await run('product', [id, made.slug, made.name, made.description, made.status, made.attributes, JSON.stringify(made.tags), cheapest.amount, cheapest.currency, moment]);
    await run('variants', [JSON.stringify(rows), moment]);
    await run('events', [told(), id, moment]);
    await run('audit', [told(), id, moment]);
    await client.query('COMMIT');
  } catch (fault) {
    await client.query('ROLLBACK');
    throw fault;
  } finally {
    client.release();
  }
  const values = { id, ...made, price_from: cheapest, rating_count: 0, rating_average: null, created_at: moment, updated_at: moment, version: 1 };
  return reply.code(201).send(values);
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
