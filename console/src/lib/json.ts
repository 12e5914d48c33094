// JSON without loss: the contract has integers of 64 bits and decimals of any length as numbers,
// which a double would round. They are kept as their text, shown as it and sent as it.

/** A number that a double cannot hold, as its text. */
export class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

export type Json = null | boolean | number | string | ExactNumber | Json[] | JsonObject;
export type JsonObject = { [name: string]: Json };

/** Whether a double is the number that `text` says: its shortest form has the same digits. */
function isExact(text: string, value: number): boolean {
  return Number.isFinite(value) && digitsOf(text) === digitsOf(String(value));
}

/** "-1.50e3" -> "-15e2": sign, digits without zeros at either end, and exponent. */
function digitsOf(text: string): string {
  const [, sign, whole = '', part = '', exponent = '0'] =
    /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d+))?$/.exec(text) ?? [];
  let digits = whole + part;
  let power = Number(exponent) - part.length;
  const trailing = /0*$/.exec(digits)![0].length;
  digits = digits.slice(0, digits.length - trailing).replace(/^0+/, '');
  power += trailing;
  return digits === '' ? '0' : `${sign}${digits}e${power}`;
}

type Reviver = (
  this: unknown,
  key: string,
  value: unknown,
  context?: { source?: string },
) => unknown;

const keepExact: Reviver = (_key, value, context) => {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  return isExact(context.source, value) ? value : new ExactNumber(context.source);
};

/** Throws SyntaxError. Browsers that do not hand the text of numbers over round them. */
export function parseJson(text: string): Json {
  return JSON.parse(text, keepExact as Parameters<typeof JSON.parse>[1]) as Json;
}

/** With `indent`, short lists and objects stay on one line, as people write them. */
export function formatJson(value: Json, indent = 0, width = 88): string {
  return format(value, indent, width, 0);
}

function format(value: Json, indent: number, width: number, depth: number): string {
  if (value instanceof ExactNumber) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const isList = Array.isArray(value);
  const flat = flatten(value);
  if (indent === 0 || flat.length + depth * indent <= width) return flat;
  const items = isList
    ? value.map((item) => format(item, indent, width, depth + 1))
    : Object.entries(value).map(
        ([name, item]) => `${JSON.stringify(name)}: ${format(item, indent, width, depth + 1)}`,
      );
  const inner = ' '.repeat(indent * (depth + 1));
  const [open, close] = isList ? '[]' : '{}';
  return `${open}\n${items.map((item) => inner + item).join(',\n')}\n${' '.repeat(indent * depth)}${close}`;
}

function flatten(value: Json): string {
  if (value instanceof ExactNumber) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(flatten).join(', ')}]`;
  const members = Object.entries(value).map(
    ([name, item]) => `${JSON.stringify(name)}: ${flatten(item)}`,
  );
  return `{${members.join(', ')}}`;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber)
  );
}

export interface JsonFault {
  message: string;
  line: number;
  column: number;
}

/** Where a text stops being a JSON object, as people count: from 1. Null when it is one. */
export function faultOf(text: string): JsonFault | null {
  const fault = new Scanner(text).fault();
  if (fault === null) return null;
  const before = text.slice(0, fault.at).split('\n');
  return {
    message: fault.message,
    line: before.length,
    column: before[before.length - 1]!.length + 1,
  };
}

/** Walks over a text by RFC 8259's grammar: what browsers say of bad JSON differs, and may lack the place. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  fault(): { at: number; message: string } | null {
    try {
      this.#space();
      if (this.#peek() !== '{') this.#fail('an object: {…}');
      this.#value();
      this.#space();
      if (this.#at < this.#text.length) this.#fail('nothing more');
      return null;
    } catch (fault) {
      if (fault instanceof Fault) return { at: fault.at, message: fault.message };
      throw fault;
    }
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }
  #fail(expected: string): never {
    const found = this.#peek();
    throw new Fault(
      this.#at,
      `expected ${expected}, found ${found === undefined ? 'the end' : JSON.stringify(found)}`,
    );
  }
  #space(): void {
    this.#take(/[ \t\r\n]*/y);
  }
  /** Goes behind what matches here; false when nothing does. */
  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at += found[0].length;
    return found !== null;
  }

  #value(): void {
    const first = this.#peek();
    if (first === '{') this.#list('}', () => this.#member());
    else if (first === '[') this.#list(']', () => this.#value());
    else if (first === '"') this.#string();
    else if (!this.#take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y))
      this.#fail('a value');
  }
  #list(close: string, item: () => void): void {
    this.#at += 1;
    this.#space();
    if (this.#peek() === close) {
      this.#at += 1;
      return;
    }
    for (;;) {
      this.#space();
      item();
      this.#space();
      const next = this.#peek();
      if (next !== ',' && next !== close) this.#fail(`"," or "${close}"`);
      this.#at += 1;
      if (next === close) return;
    }
  }
  #member(): void {
    if (this.#peek() !== '"') this.#fail('a name in quotes');
    this.#string();
    this.#space();
    if (this.#peek() !== ':') this.#fail('":"');
    this.#at += 1;
    this.#space();
    this.#value();
  }
  #string(): void {
    this.#at += 1;
    while (this.#take(/[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y));
    if (this.#peek() !== '"') this.#fail('the rest of a text in quotes');
    this.#at += 1;
  }
}

class Fault extends Error {
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}
