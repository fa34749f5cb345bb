// Search the built site with its own search worker: `node search.mjs SITE`, queries as a JSON list on standard input.
// Prints the pages of the results for each query as JSON, best first.
import { readdirSync, readFileSync } from "node:fs";
import vm from "node:vm";

const site = process.argv[2];
const workers = `${site}/assets/javascripts/workers`;
const [file] = readdirSync(workers).filter((name) => /^search\..*\.js$/.test(name));

let respond;
const handlers = [];
const scope = {
  addEventListener: (type, handler) => handlers.push(handler),
  postMessage: (message) => respond(message),
  importScripts: () => {},
  console,
};
scope.self = scope;
vm.runInNewContext(readFileSync(`${workers}/${file}`, "utf8"), scope);

function send(message) {
  return new Promise((resolve) => {
    respond = resolve;
    for (const handler of handlers) handler({ data: message });
  });
}

const { config, docs } = JSON.parse(readFileSync(`${site}/search/search_index.json`, "utf8"));
await send({ type: 0, data: { config, docs, options: { suggest: false } } });
const pages = {};
for (const query of JSON.parse(readFileSync(0, "utf8"))) {
  const { data } = await send({ type: 2, data: query });
  pages[query] = data.items.map(([first]) => first.location.split("#")[0]);
}
process.stdout.write(JSON.stringify(pages));
