/*
 * Runs public Freshsales clients, unmodified, against one base address.
 *
 *   node clients.mjs FOLDER BASE KEY
 *
 * FOLDER holds node_modules. Each line of standard input is a call,
 * {"client", "name", "args"}; each line of standard output what came of it,
 * {"value"} or {"error"}, with what the client printed in "printed".
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";
import readline from "node:readline";

const [folder, base, key] = process.argv.slice(2);
const require = createRequire(path.join(folder, "package.json"));
const printed = [];
console.error = (...words) => printed.push(...words);

/* freshworks-api makes its address of a sub-domain: a getter, which a
 * subclass may answer otherwise. */
const FreshWorksCrm = require("freshworks-api");

class LocalCrm extends FreshWorksCrm {
  get apiBaseUrl() {
    return base + "/";
  }
}

const crm = new LocalCrm({ authToken: "token=" + key });

/* A component of Pipedream is an object whose methods its runtime binds to an
 * instance with the account's credentials. */
const pipedream = (file) => import(pathToFileURL(path.join(
  folder, "node_modules/@pipedream/freshsales", file)));
const component = (await pipedream("freshsales.app.mjs")).default;

function instance() {
  const app = { $auth: { api_key: key } };
  for (const [name, method] of Object.entries(component.methods)) {
    app[name] = method.bind(app);
  }
  app._baseUrl = () => base;
  return app;
}

async function action(name, props) {
  const { default: it } = await pipedream(`actions/${name}/${name}.mjs`);
  const exported = {};
  const self = { freshsales: instance(), ...props };
  const more = it.additionalProps ? await it.additionalProps.call(self) : {};
  const value = await it.run.call(self, {
    $: { export: (k, v) => { exported[k] = v; } },
  });
  return { props: more, value, summary: exported.$summary };
}

async function perform({ client, name, args }) {
  if (client === "freshworks-api") {
    return crm[name](args);
  }
  if (client === "pipedream-action") {
    return action(name, args);
  }
  return instance()[name](args);
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  let out;
  printed.length = 0;
  try {
    out = { value: await perform(JSON.parse(line)) };
  } catch (e) {
    out = { error: String(e.message), status: e.response?.status ?? null,
      body: e.response?.data ?? null };
  }
  process.stdout.write(JSON.stringify({ ...out, printed }) + "\n");
}
