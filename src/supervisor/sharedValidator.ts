/**
 * The JSON Schema validator that all sessions share: an Ajv for each server is most of what a session costs. Ajv keeps
 * every schema that it compiled for ever, and takes one `$id` for one schema; here schemas come and go with calls and
 * belong to different servers. So compiled validators are kept only as long as their schemas, Ajv itself is replaced
 * after a number of schemas, and a schema with an `$id` gets an Ajv of its own.
 */
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import type {
  JsonSchemaType,
  JsonSchemaValidator,
  jsonSchemaValidator,
} from '@modelcontextprotocol/sdk/validation/types.js';

/** Schemas that one Ajv compiles before it is replaced. */
const SCHEMAS_PER_AJV = 256;

export class SharedValidator implements jsonSchemaValidator {
  readonly #validators = new WeakMap<JsonSchemaType, JsonSchemaValidator<unknown>>();
  #ajv: AjvJsonSchemaValidator | undefined;
  #compiled = 0;

  getValidator<T>(schema: JsonSchemaType): JsonSchemaValidator<T> {
    let validator = this.#validators.get(schema);
    if (validator === undefined) {
      validator = this.#provider(schema).getValidator(schema);
      this.#validators.set(schema, validator);
    }
    return validator as JsonSchemaValidator<T>;
  }

  #provider(schema: JsonSchemaType): AjvJsonSchemaValidator {
    if ('$id' in schema) return new AjvJsonSchemaValidator();
    if (this.#ajv === undefined || this.#compiled >= SCHEMAS_PER_AJV) {
      this.#ajv = new AjvJsonSchemaValidator();
      this.#compiled = 0;
    }
    this.#compiled++;
    return this.#ajv;
  }
}
