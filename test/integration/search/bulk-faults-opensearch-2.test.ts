import { describeBulkFaults } from "./bulk-faults.ts";

describeBulkFaults("opensearch-2");
