// Fastify: REST with response schemas (fast-json-stringify), GraphQL with Mercurius, its JIT and batched loaders.
import Fastify from 'fastify';
import { GraphQLScalarType } from 'graphql';
import mercurius from 'mercurius';
import pg from 'pg';

pg.types.setTypeParser(20, Number); // bigint: amounts are below 2^53
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const PRODUCT = `SELECT p.id, p.slug, p.name, p.description, p.status, p.attributes, p.tags, p.price_from_amount,
  p.price_from_currency, p.rating_count, p.rating_sum, p.created_at, p.updated_at, p.version, p.category_id`;
const NARROW = `SELECT p.id, p.slug, p.name, p.description, p.status, p.rating_count AS "ratingCount",
  p.created_at AS "createdAt", p.version, p.category_id FROM product p`;
const NEWEST = "WHERE p.status = 'active' ORDER BY p.created_at DESC, p.id DESC LIMIT $1";
const SQL = {
  one: `${PRODUCT} FROM product p WHERE p.id = $1 AND p.status = 'active'`,
  page: `${PRODUCT}, c.id AS c_id, c.slug AS c_slug, c.name AS c_name
    FROM product p LEFT JOIN category c ON c.id = p.category_id ${NEWEST}`,
  narrowOne: `${NARROW} WHERE p.id = $1 AND p.status = 'active'`,
  narrowPage: `${NARROW} ${NEWEST}`,
  categories: 'SELECT id, slug, name FROM category WHERE id = ANY($1)',
  variants: 'SELECT product_id, id, sku, name, position FROM variant WHERE product_id = ANY($1) ORDER BY position, id',
};
const query = async (name, value) => (await pool.query({ name, text: SQL[name], values: [value] })).rows; // prepared

const string = { type: 'string' };
const integer = { type: 'integer' };
const time = { type: 'string', format: 'date-time' };
const object = (properties, more = {}) => ({ type: 'object', properties, ...more });
const array = (items) => ({ type: 'array', items });
const fields = {
  id: string, slug: string, name: string, description: string, status: string, tags: array(string), version: integer,
  attributes: { type: 'object', additionalProperties: true }, rating_count: integer, created_at: time, updated_at: time,
  price_from: object({ amount: integer, currency: string }, { nullable: true }),
  rating_average: { type: 'number', nullable: true },
};
const category = object({ id: string, slug: string, name: string }, { nullable: true });
const response = (schema) => ({ schema: { response: { 200: schema } } });
function product(row) {
  const { price_from_amount: amount, price_from_currency: currency, rating_count: count } = row;
  row.price_from = amount === null ? null : { amount, currency };
  row.rating_average = count ? Math.round((100 * row.rating_sum) / count) / 100 : null;
  return row;
}
const app = Fastify();
app.get('/products/:id', response(object(fields)), async (request, reply) => {
  const [row] = await query('one', request.params.id);
  return row ? product(row) : reply.code(404).send();
});
app.get('/products', response(object({ data: array(object({ ...fields, category })) })), async (request) => {
  const rows = await query('page', request.query.limit);
  for (const r of rows) product(r).category = r.c_id && { id: r.c_id, slug: r.c_slug, name: r.c_name };
  return { data: rows };
});

const schema = `
scalar DateTime
type Variant { id: ID! sku: String! name: String! position: Int! }
type Category { id: ID! slug: String! name: String! }
type Product {
  id: ID! slug: String! name: String! description: String! status: String! ratingCount: Int! createdAt: DateTime!
  version: Int! category: Category variants: [Variant!]!
}
type Query { product(id: ID!): Product products(first: Int = 20): [Product!]! }
`;
const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (value) => value.toISOString() }),
  Query: {
    product: async (_, { id }) => (await query('narrowOne', id))[0] ?? null,
    products: (_, { first }) => query('narrowPage', first),
  },
};
const batched = (loader) => ({ loader, opts: { cache: false } });
const loaders = {
  Product: {
    category: batched(async (queries) => {
      const rows = await query('categories', [...new Set(queries.map((q) => q.obj.category_id))]);
      const byId = new Map(rows.map((row) => [row.id, row]));
      return queries.map((q) => byId.get(q.obj.category_id) ?? null);
    }),
    variants: batched(async (queries) => {
      const groups = new Map(queries.map((q) => [q.obj.id, []]));
      for (const row of await query('variants', [...groups.keys()])) groups.get(row.product_id).push(row);
      return queries.map((q) => groups.get(q.obj.id));
    }),
  },
};
app.register(mercurius, { schema, resolvers, loaders, jit: 1 });
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
