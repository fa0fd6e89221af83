// Fastify + pg: a pool, named (prepared) statements, response schemas, which fast-json-stringify compiles.
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
     ORDER BY p.created_at DESC, p.id DESC LIMIT 5) p ORDER BY c.id, p.created_at DESC, p.id DESC`,
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
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
