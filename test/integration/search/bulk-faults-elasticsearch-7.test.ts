import { describeBulkFaults } from "./bulk-faults.ts";

describeBulkFaults("elasticsearch-7");
