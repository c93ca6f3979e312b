/** How this API is made; may be changed while it runs. */
export interface SandboxRestSettings {
  paging: 'cursor' | 'offset' | 'number' | 'link' | 'none'
  /** Most records of a page, whatever is asked for. */
  pageLimit: number
  /** Pages carry the number of all records. */
  total: boolean
  /** `updated_at` is cut to this. */
  granularityMs: number
  /** Records have an `updated_at` at all. */
  updatedAt: boolean
  /** Gives ETags and keeps `If-Match` and `If-Unmodified-Since`. */
  etags: boolean
  /** Answers of writes: the record, its id alone, or nothing (with `Location` after a create). */
  returns: 'record' | 'id' | 'nothing'
  /** Fields that no two records share. */
  unique: string[]
  /** Records keep a `deleted_at` instead of vanishing. */
  softDelete: boolean
  /** Fields that are empty are left out of answers. */
  omitEmpty: boolean
  /** How far its clock is ahead. */
  skewMs: number
  webhook: { url: string; secret: string; record: boolean; changes: boolean } | null
}

export function defaultSettings(): SandboxRestSettings {
  return {
    paging: 'cursor',
    pageLimit: 200,
    total: true,
    granularityMs: 1,
    updatedAt: true,
    etags: true,
    returns: 'record',
    unique: ['email'],
    softDelete: false,
    omitEmpty: false,
    skewMs: 0,
    webhook: null,
  }
}
