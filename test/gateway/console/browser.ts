/**
 * Goal: a browser as far as the console needs one: it keeps cookies, follows nothing by itself, and sends the forms that it finds.
 * Method: requests over sockets of their own; pages are read by their text, since a real Chromium reads them elsewhere.
 */
import { request, type Answer } from '../http-client';

export interface Form {
  readonly action: string;
  readonly fields: Readonly<Record<string, string>>;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

function unescaped(html: string): string {
  return html.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** What a person reads: tags and doubled spaces left out. */
export function textOf({ text }: Pick<Answer, 'text'>): string {
  return unescaped(text.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ');
}

export function linksOf({ text }: Pick<Answer, 'text'>): string[] {
  return [...text.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = '']) => unescaped(href));
}

/** The forms of a page that are sent by POST, with the fields that stand in them. */
export function formsOf({ text }: Pick<Answer, 'text'>): Form[] {
  return [...text.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)]
    .filter(([, attributes = '']) => attributes.includes('method="post"'))
    .map(([, attributes = '', content = '']) => ({
      action: unescaped(/action="([^"]*)"/.exec(attributes)?.[1] ?? ''),
      fields: Object.fromEntries(
        [...content.matchAll(/<input([^>]*)>/g)].map(([, input = '']) => [
          /name="([^"]*)"/.exec(input)?.[1] ?? '',
          unescaped(/value="([^"]*)"/.exec(input)?.[1] ?? ''),
        ]),
      ),
    }));
}

export class Browser {
  readonly cookies = new Map<string, string>();

  constructor(readonly url: string) {}

  /** The same browser at another gateway. */
  at(url: string): Browser {
    const other = new Browser(url);
    this.cookies.forEach((value, name) => other.cookies.set(name, value));
    return other;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send(path, { method: 'GET', headers });
  }

  /** Sends a form of our own page. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = { 'sec-fetch-site': 'same-origin' },
  ): Promise<Answer> {
    const body = new URLSearchParams(fields).toString();
    return this.send(path, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body).toString(),
        ...headers,
      },
    });
  }

  /** Fills in and sends the form of a page whose action ends so. */
  async submit(
    page: Pick<Answer, 'text'>,
    actionEnd: string,
    filled: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const form = formsOf(page).find(({ action }) => action.endsWith(actionEnd));
    if (form === undefined) {
      throw new Error(`the page has no form to ${actionEnd}: ${textOf(page).slice(0, 500)}`);
    }
    return this.post(form.action, { ...form.fields, ...filled });
  }

  async login(token: string): Promise<Answer> {
    return this.submit(await this.get('/console/login'), '/console/login', { token });
  }

  /** Where an answer leads. */
  follow({ headers }: Answer): Promise<Answer> {
    return this.get(headers.location ?? '/nowhere');
  }

  private async send(
    path: string,
    options: { method: string; headers: Readonly<Record<string, string>>; body?: string },
  ): Promise<Answer> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await request(this.url, path, {
      ...options,
      token: null,
      headers: { ...options.headers, ...(cookie !== '' && { cookie }) },
    });
    for (const set of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === '' || /max-age=0/i.test(set)) {
        this.cookies.delete(name);
      } else {
        this.cookies.set(name, value);
      }
    }
    return answer;
  }
}
