// Where in the console one is: the part of the address behind '#', so that it can be bookmarked and
// gone back to. "#/sources/flights" -> ["sources", "flights"].

function parse(hash: string): string[] {
  return hash
    .replace(/^#?\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
}

class Route {
  parts = $state.raw<string[]>(parse(location.hash));

  constructor() {
    addEventListener('hashchange', () => (this.parts = parse(location.hash)));
  }
  get page(): string {
    return this.parts[0] ?? 'home';
  }
}

export const route = new Route();

export function href(...parts: string[]): string {
  return '#/' + parts.map(encodeURIComponent).join('/');
}
