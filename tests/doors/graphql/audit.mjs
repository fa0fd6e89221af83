// Runs the audit suite of npm's `graphql-http` against a server and prints what it found: node audit.mjs <folder of node_modules> <url>
import { createRequire } from "node:module";

const [folder, url] = process.argv.slice(2);
const { serverAudits } = createRequire(`${folder}/`)("graphql-http");
const found = [];
for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const { status, reason } = await audit.fn();
  found.push({ id: audit.id, name: audit.name, status, reason: reason ?? null });
}
console.log(JSON.stringify(found));
