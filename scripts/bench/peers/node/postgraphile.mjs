// PostGraphile with its Amber preset on node:http: the schema is generated from the tables.
import { createServer } from 'node:http';
import { grafserv } from 'postgraphile/grafserv/node';
import { postgraphile } from 'postgraphile';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { makePgService } from 'postgraphile/adaptors/pg';

const connection = { connectionString: process.env.DATABASE_URL, schemas: ['public'], poolConfig: { max: 10 } };
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService(connection)],
  disablePlugins: ['PgIndexBehaviorsPlugin'], // it allows no condition on a column with a partial index only
  grafserv: { watch: false, graphiql: false },
  grafast: { explain: false },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), '127.0.0.1');
