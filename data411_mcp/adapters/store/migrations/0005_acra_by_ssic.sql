-- Companies of the register by trade, the newest first.
CREATE INDEX icp_acra_by_ssic ON icp_acra (ssic_code, live, incorporated, uen);
