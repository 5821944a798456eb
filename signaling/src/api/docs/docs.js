// SPDX-License-Identifier: MPL-2.0
// @ts-check
// Shows the description of the API. What stands in it is shown as text.

const METHODS = ["get", "post", "put", "patch", "delete"];

/**
 * @param {string} name
 * @param {(Node | string)[]} children
 * @param {string} [className]
 */
function element(name, children, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/**
 * A short form of a schema: what it looks like rather than all that is said of it.
 * @param {any} schema
 * @param {any} schemas
 * @param {string[]} within names on the way here
 * @returns {any}
 */
function sketch(schema, schemas, within = []) {
  if (!schema) return null;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (within.includes(name)) return name;
    return sketch(schemas[name], schemas, [...within, name]);
  }
  const options = schema.oneOf ?? schema.anyOf;
  if (options) {
    const some = options.filter((/** @type {any} */ option) => option.type !== "null");
    const sketches = some.map((/** @type {any} */ option) => sketch(option, schemas, within));
    return sketches.length === 1 ? sketches[0] : { "one of": sketches };
  }
  if (schema.allOf) {
    const parts = schema.allOf.map((/** @type {any} */ part) => sketch(part, schemas, within));
    return Object.assign({}, ...parts);
  }
  if (schema.enum) return schema.enum.join(" | ");
  const type = [schema.type].flat().filter((one) => one !== "null")[0];
  if (type === "array") return [sketch(schema.items, schemas, within)];
  if (schema.properties) {
    const required = schema.required ?? [];
    const entries = Object.entries(schema.properties).map(([name, property]) => [
      required.includes(name) ? name : `${name}?`,
      sketch(property, schemas, within),
    ]);
    return Object.fromEntries(entries);
  }
  return schema.format ?? type ?? "any";
}

/**
 * @param {any} content
 * @param {any} schemas
 */
function shape(content, schemas) {
  const [kind, { schema }] = Object.entries(content)[0];
  const text = JSON.stringify(sketch(schema, schemas), null, 2);
  return [element("p", [element("code", [kind])]), element("pre", [text])];
}

/**
 * @param {any[]} parameters
 * @param {any} schemas
 */
function parameterTable(parameters, schemas) {
  const rows = parameters.map((parameter) =>
    element("tr", [
      element("td", [element("code", [parameter.name + (parameter.required ? "" : "?")])]),
      element("td", [parameter.in]),
      element("td", [String(sketch(parameter.schema, schemas))]),
      element("td", [parameter.description ?? ""]),
    ]),
  );
  return element("table", rows);
}

/**
 * @param {string} path
 * @param {string} method
 * @param {any} operation
 * @param {any} schemas
 */
function operationDetails(path, method, operation, schemas) {
  const who = operation.tags.join(", ");
  const head = element("summary", [
    element("span", [method.toUpperCase()], "method"),
    element("code", [path]),
    element("span", [`${operation.summary} (${who})`], "what"),
  ]);
  const parts = [head, element("p", [operation.description ?? ""])];
  if (operation.parameters) parts.push(parameterTable(operation.parameters, schemas));
  if (operation.requestBody) {
    parts.push(element("h3", ["Request"]), ...shape(operation.requestBody.content, schemas));
  }
  for (const [status, response] of Object.entries(operation.responses)) {
    parts.push(element("h3", [`${status}: ${response.description}`]));
    const isProblem = status === "default" || Number(status) >= 400;
    if (response.content && !isProblem) parts.push(...shape(response.content, schemas));
  }
  return element("details", parts);
}

/** @param {any} api */
function render(api) {
  const { schemas } = api.components;
  const link = element("a", ["openapi.json"]);
  link.setAttribute("href", "openapi.json");
  const parts = [
    element("h1", [api.info.title]),
    element("p", [api.info.description]),
    element("p", ["As a file: ", link]),
  ];
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      parts.push(operationDetails(path, method, item[method], schemas));
    }
  }
  parts.push(element("h2", ["Problems"]));
  parts.push(element("pre", [JSON.stringify(schemas.Problem.example, null, 2)]));
  return parts;
}

const main = document.getElementById("api");
try {
  const answer = await fetch("openapi.json");
  main?.replaceChildren(...render(await answer.json()));
} catch (error) {
  main?.replaceChildren(`The description could not be loaded: ${error}`);
}
