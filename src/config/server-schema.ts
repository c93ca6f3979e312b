import { Type } from '@sinclair/typebox'

export const ServerSchema = Type.Object(
  {
    host: Type.Optional(
      Type.String({
        description: 'Address to listen at; 0.0.0.0 for all.',
        minLength: 1,
        default: '127.0.0.1',
        examples: ['0.0.0.0'],
      }),
    ),
    port: Type.Optional(
      Type.Integer({
        description: 'Port to listen at; 0 takes a free one.',
        minimum: 0,
        maximum: 65_535,
        default: 8080,
        examples: [80],
      }),
    ),
    publicUrl: Type.Optional(
      Type.String({
        description: 'Where the world reaches `/hooks`; needed to register webhooks.',
        pattern: '^https?://[^\\s/?#]+[^\\s?#]*$',
        examples: ['https://sync.example.com'],
      }),
    ),
  },
  { description: 'The HTTP server: intake of webhooks, probes, metrics.', additionalProperties: false },
)
