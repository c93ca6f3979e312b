import type { UseCaseEngine } from '../support/use-case-engine.ts'
import { describeCollected } from './collected.ts'
import { describeDataQuality } from './data-quality.ts'
import { describeEnrichment } from './enrichment.ts'
import { describeInvoices } from './invoices.ts'
import { describeLeadScoring } from './lead-scoring.ts'
import { describeMeetingNotes } from './meeting-notes.ts'
import { describeNewsletterAudience } from './newsletter-audience.ts'
import { describeSequenceEnrolment } from './sequence-enrolment.ts'
import { describeTwoWaySync } from './two-way-sync.ts'
import { describeUsageFromWarehouse } from './usage-from-warehouse.ts'
import { describeWebFormLeads } from './web-form-leads.ts'

/** Each shipped config by itself: the good path, what is bad, and the same once more. */
export function describeUseCases(engine: UseCaseEngine): void {
  describeWebFormLeads(engine)
  describeUsageFromWarehouse(engine)
  describeMeetingNotes(engine)
  describeEnrichment(engine)
  describeNewsletterAudience(engine)
  describeSequenceEnrolment(engine)
  describeLeadScoring(engine)
  describeInvoices(engine)
  describeTwoWaySync(engine)
  describeDataQuality(engine)
  describeCollected(engine)
}
