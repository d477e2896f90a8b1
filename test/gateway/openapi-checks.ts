/**
 * Goal: an answer that came over a socket is one that the served OpenAPI document promises: route, status, media type, shape.
 * Method: ajv on the document's own schemas, with nothing of the server's code.
 */
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';

import type { Answer } from './http-client';

interface Media {
  readonly schema: object;
}
interface ResponseObject {
  readonly description: string;
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, ResponseObject>>;
}
export interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, ResponseObject>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

/** What an answer has of the document's promises; each is named once in a set of what was seen. */
export class OpenApiChecks {
  private readonly ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
  readonly seen = new Set<string>();

  constructor(readonly document: Document) {
    this.ajv.addSchema({ ...document, $id: 'document' });
  }

  /** Every promise of the document, as `get /path 200`. */
  get promised(): string[] {
    return Object.entries(this.document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { responses }]) =>
        Object.keys(responses).map((status) => `${method} ${path} ${status}`),
      ),
    );
  }

  /** @throws Error when the answer is not one that this operation promises */
  check(method: string, path: string, answer: Answer): void {
    const name = `${method} ${path} ${answer.status}`;
    const response = this.document.paths[path]?.[method]?.responses[answer.status];
    this.checkAgainst(name, response, answer);
    this.seen.add(name);
  }

  /** An answer that belongs to no route: one of `components.responses`. */
  checkComponent(component: string, answer: Answer): void {
    const name = `${component} ${answer.status}`;
    const response = this.document.components.responses[component];
    if (response?.description.startsWith(`${answer.status}:`) !== true) {
      throw new Error(`${name} is not documented`);
    }
    this.checkAgainst(name, response, answer);
  }

  validator(schema: object): ValidateFunction {
    const text = JSON.stringify(schema).replaceAll('"#/components', '"document#/components');
    return this.ajv.compile(JSON.parse(text) as object);
  }

  private checkAgainst(name: string, response: ResponseObject | undefined, answer: Answer): void {
    if (response === undefined) {
      throw new Error(`${name} is not documented: ${answer.text}`);
    }
    const mediaType = (answer.headers['content-type'] ?? '').split(';')[0] ?? '';
    const media = response.content?.[mediaType];
    if (media === undefined) {
      throw new Error(`${name} is not documented as ${mediaType}`);
    }
    const value: unknown = mediaType === 'application/json' ? JSON.parse(answer.text) : answer.text;
    const validate = this.validator(media.schema);
    if (!validate(value)) {
      throw new Error(`${name} differs from its schema: ${this.ajv.errorsText(validate.errors)}`);
    }
  }
}
